import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { isFault } from "@stigmer/base";
import { MessageSchema, Role } from "@stigmer/contracts/agentic";
import { ToolSpecSchema } from "@stigmer/contracts/gateway";
import { expect, it } from "vitest";
import { asked } from "../asked.fake.ts";
import { chatRequest } from "./request.ts";

type Init = MessageInitShape<typeof MessageSchema>;

function mapped(messages: Init[], tools: MessageInitShape<typeof ToolSpecSchema>[] = []) {
  return chatRequest(
    asked({
      messages: messages.map((message) => create(MessageSchema, message)),
      tools: tools.map((tool) => create(ToolSpecSchema, tool)),
    }),
    { provider: "p", files: new Map(), stream: true, contextWindow: undefined, official: false },
  );
}

function text(value: string) {
  return { part: { case: "text" as const, value } };
}

function called(id: string, args: string) {
  return { part: { case: "toolCall" as const, value: { id, name: "read", arguments: args } } };
}

it("asks for a stream with usage, and leaves tools out where there are none", () => {
  expect(mapped([{ role: Role.USER, parts: [text("hi")] }])).toEqual({
    model: "m",
    messages: [{ role: "user", content: "hi" }],
    stream: true,
    stream_options: { include_usage: true },
  });
});

it("maps a whole conversation", () => {
  const result = { part: { case: "toolResult" as const, value: { callId: "a", content: "42" } } };
  const failed = { part: { case: "toolResult" as const, value: { callId: "b", content: "no file", isError: true } } };
  const { messages } = mapped([
    { role: Role.SYSTEM, parts: [text("be"), text("brief")] },
    { role: Role.USER, parts: [text("go")] },
    { role: Role.ASSISTANT, parts: [called("a", '{"x":1}'), called("b", "")] },
    { role: Role.TOOL, parts: [result, failed] },
    { role: Role.ASSISTANT, parts: [text("done")] },
  ]);

  expect(messages).toEqual([
    { role: "system", content: "be\nbrief" },
    { role: "user", content: "go" },
    {
      role: "assistant",
      content: null,
      tool_calls: [
        { id: "a", type: "function", function: { name: "read", arguments: '{"x":1}' } },
        { id: "b", type: "function", function: { name: "read", arguments: "{}" } },
      ],
    },
    { role: "tool", tool_call_id: "a", content: "42" },
    { role: "tool", tool_call_id: "b", content: "error: no file" },
    { role: "assistant", content: "done" },
  ]);
});

it("wraps arguments that are no object, as servers refuse the conversation otherwise", () => {
  const { messages } = mapped([{ role: Role.ASSISTANT, parts: [text("hm"), called("a", "{oops")] }]);

  expect(messages).toMatchObject([
    { content: "hm", tool_calls: [{ function: { arguments: '{"malformed_arguments":"{oops"}' } }] },
  ]);
});

it("maps tools with their schema, or an empty one", () => {
  const { tools } = mapped(
    [],
    [{ name: "read", description: "Reads", inputSchema: '{"type":"object","required":["x"]}' }, { name: "now" }],
  );

  expect(tools).toEqual([
    {
      type: "function",
      function: { name: "read", description: "Reads", parameters: { type: "object", required: ["x"] } },
    },
    { type: "function", function: { name: "now", parameters: { type: "object", properties: {} } } },
  ]);
});

it.each([
  ["messages[0].role", () => mapped([{ parts: [text("x")] }])],
  ["messages[0].parts[1]", () => mapped([{ role: Role.USER, parts: [text("x"), called("a", "")] }])],
  ["messages[0].parts[0]", () => mapped([{ role: Role.TOOL, parts: [text("x")] }])],
  ["tools[0].input_schema", () => mapped([], [{ name: "x", inputSchema: "[" }])],
])("refuses %s where it has no place on the wire, and names it", (field, act) => {
  expect(act).toThrow(
    expect.toSatisfy((error) => isFault(error, "INVALID_REQUEST") && error.violations[0]?.field === field),
  );
});
