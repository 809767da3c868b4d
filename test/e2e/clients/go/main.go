// A client in Go, generated from apis/ alone: creates, applies, lists, watches, and reads typed errors.
//
// Usage: client <host:port> <name>. Prints what it saw as one JSON object.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/anypb"

	agentv1 "stigmer.ai/clients/gen/ai/stigmer/agentic/agent/v1"
	apiresourcev1 "stigmer.ai/clients/gen/ai/stigmer/commons/apiresource/v1"
)

const timeout = 20 * time.Second

type refusal struct {
	Code    string   `json:"code"`
	Reasons []string `json:"reasons"`
	Domains []string `json:"domains"`
	Fields  []string `json:"fields"`
}

type created struct {
	Name       string `json:"name"`
	Kind       string `json:"kind"`
	Generation int64  `json:"generation"`
}

type transcript struct {
	Created created  `json:"created"`
	Applied string   `json:"applied"`
	Listed  []string `json:"listed"`
	Watched []string `json:"watched"`
	Taken   refusal  `json:"taken"`
	Invalid refusal  `json:"invalid"`
	Missing refusal  `json:"missing"`
}

// The names that the contract's documents and every other client have for codes.
var codeNames = map[codes.Code]string{
	codes.AlreadyExists:   "ALREADY_EXISTS",
	codes.InvalidArgument: "INVALID_ARGUMENT",
	codes.NotFound:        "NOT_FOUND",
}

type clients struct {
	commands agentv1.AgentCommandControllerClient
	queries  agentv1.AgentQueryControllerClient
	generic  apiresourcev1.ApiResourceCommandControllerClient
}

func main() {
	if len(os.Args) != 3 {
		fail(fmt.Errorf("usage: client <host:port> <name>"))
	}
	seen, err := run(os.Args[1], os.Args[2])
	if err != nil {
		fail(err)
	}
	if err := json.NewEncoder(os.Stdout).Encode(seen); err != nil {
		fail(err)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

func run(target, name string) (*transcript, error) {
	connection, err := grpc.NewClient(target, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return nil, err
	}
	defer connection.Close()
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	c := clients{
		commands: agentv1.NewAgentCommandControllerClient(connection),
		queries:  agentv1.NewAgentQueryControllerClient(connection),
		generic:  apiresourcev1.NewApiResourceCommandControllerClient(connection),
	}
	seen := &transcript{}
	if err := c.make(ctx, name, seen); err != nil {
		return nil, err
	}
	if seen.Watched, err = c.watch(ctx, name); err != nil {
		return nil, err
	}
	_, err = c.commands.Create(ctx, agent(name, name))
	seen.Taken = refusalOf(err)
	_, err = c.commands.Create(ctx, agent("Bad Name", name))
	seen.Invalid = refusalOf(err)
	_, err = c.queries.Get(ctx, &agentv1.GetAgentRequest{Id: "agt_0"})
	seen.Missing = refusalOf(err)
	return seen, nil
}

// make creates one agent, applies another, and lists both.
func (c clients) make(ctx context.Context, name string, seen *transcript) error {
	made, err := c.commands.Create(ctx, agent(name, name))
	if err != nil {
		return err
	}
	seen.Created = created{made.Metadata.Name, made.Kind, made.Metadata.Generation}
	packed, err := anypb.New(agent(name+"-applied", name))
	if err != nil {
		return err
	}
	applied, err := c.generic.Apply(ctx, &apiresourcev1.ApplyRequest{Resource: packed})
	if err != nil {
		return err
	}
	seen.Applied = applied.Action.String()
	listed, err := c.queries.List(ctx, &agentv1.ListAgentsRequest{LabelSelector: "client=" + name})
	if err != nil {
		return err
	}
	for _, item := range listed.Items {
		seen.Listed = append(seen.Listed, item.Metadata.Name)
	}
	return nil
}

// watch returns the types of the events from before a creation until after a deletion.
func (c clients) watch(ctx context.Context, name string) ([]string, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	request := &agentv1.WatchAgentsRequest{LabelSelector: "client=" + name, SendInitial: true}
	events, err := c.queries.Watch(ctx, request)
	if err != nil {
		return nil, err
	}
	var types []string
	for {
		event, err := events.Recv()
		if err != nil {
			return nil, err
		}
		types = append(types, strings.TrimPrefix(event.Type.String(), "WATCH_EVENT_TYPE_"))
		if event.Type == apiresourcev1.WatchEventType_WATCH_EVENT_TYPE_DELETED {
			return types, nil
		}
		if event.Type == apiresourcev1.WatchEventType_WATCH_EVENT_TYPE_BOOKMARK && len(types) == 3 {
			if err := c.comeAndGo(ctx, name); err != nil {
				return nil, err
			}
		}
	}
}

func (c clients) comeAndGo(ctx context.Context, name string) error {
	made, err := c.commands.Create(ctx, agent(name+"-late", name))
	if err != nil {
		return err
	}
	_, err = c.commands.Delete(ctx, &agentv1.DeleteAgentRequest{Id: made.Metadata.Id})
	return err
}

func agent(name, client string) *agentv1.Agent {
	return &agentv1.Agent{
		Metadata: &apiresourcev1.ApiResourceMetadata{Name: name, Labels: map[string]string{"client": client}},
		Spec:     &agentv1.AgentSpec{Instructions: "You help."},
	}
}

// refusalOf returns the code of an error, and what its details say.
func refusalOf(err error) refusal {
	said := status.Convert(err)
	seen := refusal{Code: codeNames[said.Code()], Reasons: []string{}, Domains: []string{}, Fields: []string{}}
	for _, detail := range said.Details() {
		switch detail := detail.(type) {
		case *errdetails.ErrorInfo:
			seen.Reasons = append(seen.Reasons, detail.Reason)
			seen.Domains = append(seen.Domains, detail.Domain)
		case *errdetails.BadRequest:
			for _, violation := range detail.FieldViolations {
				seen.Fields = append(seen.Fields, violation.Field)
			}
		}
	}
	return seen
}
