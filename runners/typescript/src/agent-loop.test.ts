import {
  type AgentContext,
  AgentSpecSchema,
  create,
  FinishReason,
  type Message,
  MessageSchema,
  type ModelRequest,
  Role,
  ToolDefinitionSchema,
  ToolResultSchema,
  textMessage,
} from "@stigmer/sdk";
import { expect, it } from "vitest";
import { agentLoop } from "./agent-loop.ts";

const wants = (...ids: string[]): Message =>
  create(MessageSchema, {
    role: Role.ASSISTANT,
    parts: ids.map((id) => ({
      part: { case: "toolCall" as const, value: { id, name: "fs_read", arguments: `{"n":"${id}"}` } },
    })),
  });

/** A context whose model says these messages in turn and whose tools answer with what they were asked. */
function contextOf(script: readonly Message[], maxTurns = 0) {
  const requests: ModelRequest[] = [];
  const steps: string[] = [];
  const planned: string[][] = [];
  const context: AgentContext = {
    executionId: "aex_1",
    epoch: 1n,
    agent: create(AgentSpecSchema, { instructions: "be kind", maxTurns }),
    history: [textMessage(Role.USER, "before"), textMessage(Role.ASSISTANT, "then")],
    message: "now",
    signal: new AbortController().signal,
    run: async (_, make) => await make(),
    listTools: async () => [
      create(ToolDefinitionSchema, {
        name: "fs_read",
        server: "fs",
        tool: "read",
        inputSchema: "{}",
        description: "d",
      }),
    ],
    async generate(stepKey, request) {
      steps.push(stepKey);
      requests.push({ ...request, messages: [...request.messages] });
      const message = script[requests.length - 1] ?? textMessage(Role.ASSISTANT, "done");
      return { message, finishReason: FinishReason.STOP, servedModel: "m", usage: undefined };
    },
    async callTool(stepKey, call, options) {
      steps.push(stepKey);
      planned.push(options?.planned?.map((step) => `${step.stepKey} ${step.call.id}`) ?? []);
      return create(ToolResultSchema, { callId: "the backend's", content: call.arguments, isError: call.id === "bad" });
    },
  };
  return { context, requests, steps, planned };
}

it("asks the model with instructions, history and message, and answers with what it says", async () => {
  const { context, requests } = contextOf([]);

  const output = await agentLoop(context);

  expect(output).toBe("done");
  expect(requests[0]?.messages).toEqual([
    textMessage(Role.SYSTEM, "be kind"),
    ...context.history,
    textMessage(Role.USER, "now"),
  ]);
  expect(requests[0]?.tools).toMatchObject([{ name: "fs_read", description: "d", inputSchema: "{}" }]);
});

it("calls the tools that the model wants, one after the other, and asks again with what they answered", async () => {
  const { context, requests, steps } = contextOf([wants("c1", "bad"), wants("c1")]);

  await agentLoop(context);

  expect(steps).toEqual([
    "turn/1/model",
    "turn/1/tool/c1",
    "turn/1/tool/bad",
    "turn/2/model",
    "turn/2/tool/c1",
    "turn/3/model",
  ]);
  const results = requests[1]?.messages.at(-1);
  expect(requests[1]?.messages.at(-2)).toEqual(wants("c1", "bad"));
  expect(results?.role).toBe(Role.TOOL);
  expect(results?.parts.map(({ part }) => part.value)).toMatchObject([
    { callId: "c1", content: '{"n":"c1"}', isError: false },
    { callId: "bad", content: '{"n":"bad"}', isError: true },
  ]);
});

it("says with each call which ones of the same turn come after it", async () => {
  const { context, planned } = contextOf([wants("c1", "c2", "c2")]);

  await agentLoop(context);

  expect(planned).toEqual([["turn/1/tool/c2 c2", "turn/1/tool/c2#2 c2"], ["turn/1/tool/c2#2 c2"], []]);
});

it("asks the same of the model on every attempt", async () => {
  const script = [wants("c1"), wants("c2", "c2")];
  const first = contextOf(script);
  const second = contextOf(script);

  await agentLoop(first.context);
  await agentLoop(second.context);

  expect(second.requests).toEqual(first.requests);
  expect(second.steps).toEqual(first.steps);
});

it.each([
  [2, 2],
  [0, 50],
])("ends with an error after the agent's turns: %i", async (maxTurns, asked) => {
  const { context, requests } = contextOf(Array(100).fill(wants("c1")), maxTurns);

  await expect(agentLoop(context)).rejects.toMatchObject({ reason: "LIMIT_REACHED" });
  expect(requests).toHaveLength(asked);
});
