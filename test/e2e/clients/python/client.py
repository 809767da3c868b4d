"""A client in Python, generated from apis/ alone: creates, applies, lists, watches, and reads typed errors.

Usage: client.py <host:port> <name>. Prints what it saw as one JSON object.
"""

import json
import sys

import grpc
from google.protobuf import any_pb2
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from ai.stigmer.agentic.agent.v1 import api_pb2, command_pb2_grpc, io_pb2, query_pb2_grpc
from ai.stigmer.commons.apiresource.v1 import command_pb2_grpc as generic_command_pb2_grpc
from ai.stigmer.commons.apiresource.v1 import io_pb2 as generic_pb2
from ai.stigmer.commons.apiresource.v1 import metadata_pb2

TIMEOUT_S = 20


def agent(name, client):
    made = api_pb2.Agent(metadata=metadata_pb2.ApiResourceMetadata(name=name, labels={"client": client}))
    made.spec.instructions = "You help."
    return made


def refusal(error):
    """The code, and what the details say."""
    seen = {"code": error.code().name, "reasons": [], "domains": [], "fields": []}
    for detail in rpc_status.from_call(error).details:
        info, bad = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
        if detail.Unpack(info):
            seen["reasons"].append(info.reason)
            seen["domains"].append(info.domain)
        elif detail.Unpack(bad):
            seen["fields"] += [violation.field for violation in bad.field_violations]
    return seen


def refused(call):
    try:
        call()
    except grpc.RpcError as error:
        return refusal(error)
    raise AssertionError("the call was not refused")


def watch(queries, commands, name):
    """The types of the events from before a creation until after a deletion."""
    selector = f"client={name}"
    events = queries.watch(io_pb2.WatchAgentsRequest(label_selector=selector, send_initial=True), timeout=TIMEOUT_S)
    types = []
    for event in events:
        types.append(generic_pb2.WatchEventType.Name(event.type).removeprefix("WATCH_EVENT_TYPE_"))
        if types[-1] == "BOOKMARK" and len(types) == 3:
            made = commands.create(agent(f"{name}-late", name), timeout=TIMEOUT_S)
            commands.delete(io_pb2.DeleteAgentRequest(id=made.metadata.id), timeout=TIMEOUT_S)
        if types[-1] == "DELETED":
            events.cancel()
            return types
    return types


def run(target, name):
    with grpc.insecure_channel(target) as channel:
        commands = command_pb2_grpc.AgentCommandControllerStub(channel)
        queries = query_pb2_grpc.AgentQueryControllerStub(channel)
        generic = generic_command_pb2_grpc.ApiResourceCommandControllerStub(channel)

        created = commands.create(agent(name, name), timeout=TIMEOUT_S)
        packed = any_pb2.Any()
        packed.Pack(agent(f"{name}-applied", name))
        applied = generic.apply(generic_pb2.ApplyRequest(resource=packed), timeout=TIMEOUT_S)
        listed = queries.list(io_pb2.ListAgentsRequest(label_selector=f"client={name}"), timeout=TIMEOUT_S)
        return {
            "created": {"name": created.metadata.name, "kind": created.kind, "generation": created.metadata.generation},
            "applied": generic_pb2.ApplyResponse.Action.Name(applied.action),
            "listed": [item.metadata.name for item in listed.items],
            "watched": watch(queries, commands, name),
            "taken": refused(lambda: commands.create(agent(name, name), timeout=TIMEOUT_S)),
            "invalid": refused(lambda: commands.create(agent("Bad Name", name), timeout=TIMEOUT_S)),
            "missing": refused(lambda: queries.get(io_pb2.GetAgentRequest(id="agt_0"), timeout=TIMEOUT_S)),
        }


if __name__ == "__main__":
    print(json.dumps(run(sys.argv[1], sys.argv[2])))
