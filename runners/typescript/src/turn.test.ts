import { create, FinishReason, type Message, MessageSchema, Role } from "@stigmer/sdk";
import { expect, it } from "vitest";
import { moveAfter } from "./turn.ts";

const at = (turn: number, maxTurns = 50) => ({ turn, maxTurns, toolRounds: 0, maxToolRounds: 0 });
const { STOP, LENGTH, CONTENT_FILTER, TOOL_CALLS } = FinishReason;

function says(text: string, ...callIds: string[]): Message {
  const calls = callIds.map((id) => ({ part: { case: "toolCall" as const, value: { id, name: "fs_read" } } }));
  return create(MessageSchema, { role: Role.ASSISTANT, parts: [{ part: { case: "text", value: text } }, ...calls] });
}

const stepKeys = (...ids: string[]): string[] => {
  const move = moveAfter(at(3), { message: says("", ...ids), finishReason: TOOL_CALLS });
  return move.kind === "call" ? move.steps.map(({ stepKey }) => stepKey) : [];
};

it("finishes with the text where no tool is wanted", () => {
  expect(moveAfter(at(1), { message: says("hello"), finishReason: STOP })).toEqual({ kind: "finish", output: "hello" });
});

it("finishes with what there is of a text that was cut off", () => {
  expect(moveAfter(at(1), { message: says("hel"), finishReason: LENGTH })).toEqual({ kind: "finish", output: "hel" });
});

it("calls every tool that is wanted, each as a step of its own", () => {
  expect(stepKeys("c1", "c2")).toEqual(["turn/3/tool/c1", "turn/3/tool/c2"]);
});

it.each([
  [
    ["x", "x", "x"],
    ["x", "x#2", "x#3"],
  ],
  [
    ["x", "x#2", "x"],
    ["x", "x#2", "x#3"],
  ],
  [
    ["x", "x", "x#2"],
    ["x", "x#2", "x#2#2"],
  ],
])("keeps steps apart where the model repeats an id: %s", (ids, keys) => {
  expect(stepKeys(...ids)).toEqual(keys.map((key) => `turn/3/tool/${key}`));
});

it.each([
  [LENGTH, "LIMIT_REACHED"],
  [CONTENT_FILTER, "PROVIDER_REFUSED"],
])("fails where an answer was cut off before it began: %s", (finishReason, reason) => {
  expect(() => moveAfter(at(1), { message: says(""), finishReason })).toThrow(expect.objectContaining({ reason }));
});

it("fails at the last turn rather than call tools for nothing", () => {
  const answer = { message: says("", "c1"), finishReason: TOOL_CALLS };

  expect(moveAfter(at(1, 2), answer).kind).toBe("call");
  expect(() => moveAfter(at(2, 2), answer)).toThrow(expect.objectContaining({ reason: "LIMIT_REACHED" }));
});

it.each([
  [1, 2, "call"],
  [9, 0, "call"],
])("calls tools while the rounds are fewer than allowed: %i of %i", (toolRounds, maxToolRounds, kind) => {
  const progress = { ...at(1), toolRounds, maxToolRounds };

  expect(moveAfter(progress, { message: says("", "c1"), finishReason: TOOL_CALLS }).kind).toBe(kind);
});

it("answers after the last round, and fails where it would be one more", () => {
  const progress = { ...at(1), toolRounds: 2, maxToolRounds: 2 };
  const more = { message: says("", "c1"), finishReason: TOOL_CALLS };

  expect(moveAfter(progress, { message: says("hello"), finishReason: STOP }).kind).toBe("finish");
  expect(() => moveAfter(progress, more)).toThrow(expect.objectContaining({ reason: "LIMIT_REACHED" }));
});
