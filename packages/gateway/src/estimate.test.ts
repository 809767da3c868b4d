import { createHash } from "node:crypto";
import { create, toBinary } from "@bufbuild/protobuf";
import { type Message, MessageSchema, ModelCallFinishedSchema, Role } from "@stigmer/contracts/agentic";
import { ToolSpecSchema } from "@stigmer/contracts/gateway";
import { expect, it } from "vitest";
import { type Before, mostInputTokens, type Sized } from "./estimate.ts";

const NOTHING: Before = { hashes: [], finished: undefined };
const LONG = text("x".repeat(40_000));

it("counts no fewer tokens than a text has bytes", () => {
  expect(mostInputTokens(sized([text("äöü")]), NOTHING, "p/m")).toBeGreaterThanOrEqual(6n);
  expect(mostInputTokens(sized([LONG]), NOTHING, "p/m")).toBeGreaterThanOrEqual(40_000n);
});

it("counts tools, the schema of the answer, images and files", () => {
  const plain = mostInputTokens(sized([text("hi")]), NOTHING, "p/m");
  const inputSchema = JSON.stringify({ description: "d".repeat(2_000) });
  const tools = [create(ToolSpecSchema, { name: "t", description: "d".repeat(1_000), inputSchema })];
  const outputSchema = JSON.stringify({ description: "d".repeat(5_000) });

  expect(mostInputTokens({ ...sized([text("hi")]), tools }, NOTHING, "p/m")).toBeGreaterThan(plain + 3_000n);
  expect(mostInputTokens({ ...sized([text("hi")]), outputSchema }, NOTHING, "p/m")).toBeGreaterThan(plain + 5_000n);
  expect(mostInputTokens(sized([file("image/png", 9_000_000)]), NOTHING, "p/m")).toBeLessThan(10_000n);
  expect(mostInputTokens(sized([file("text/plain", 70_000)]), NOTHING, "p/m")).toBeGreaterThan(70_000n);
});

it("takes the provider's count for what the last call was asked already", () => {
  const before = sized([LONG]);
  const finished = create(ModelCallFinishedSchema, { model: "p/m", usage: { inputTokens: 9_000n } });
  const known = { hashes: before.encoded.map(({ hash }) => hash), finished };

  const more = mostInputTokens(sized([LONG, text("and now?")]), known, "p/m");

  expect(more).toBeGreaterThanOrEqual(9_008n);
  expect(more).toBeLessThan(9_200n);
});

it.each([
  ["another model was asked", [LONG, text("b")], "p/other"],
  ["the conversation is another one", [text("c".repeat(40_000)), text("b")], "p/m"],
  ["the conversation is shorter", [], "p/m"],
])("does not where %s", (_, messages, model) => {
  const before = sized([LONG]);
  const finished = create(ModelCallFinishedSchema, { model: "p/m", usage: { inputTokens: 9n } });
  const known = { hashes: before.encoded.map(({ hash }) => hash), finished };

  expect(mostInputTokens(sized(messages), known, model)).toBe(mostInputTokens(sized(messages), NOTHING, model));
});

function text(value: string): Message {
  return create(MessageSchema, { role: Role.USER, parts: [{ part: { case: "text", value } }] });
}

function file(mediaType: string, size: number): Message {
  const value = { name: "f", mediaType, digest: "sha256:", size: BigInt(size) };
  return create(MessageSchema, { role: Role.USER, parts: [{ part: { case: "attachment", value } }] });
}

function sized(messages: readonly Message[]): Sized {
  const encoded = messages.map((message) => {
    const bytes = toBinary(MessageSchema, message);
    return { hash: new Uint8Array(createHash("sha256").update(bytes).digest()), bytes };
  });
  return { messages, encoded, tools: [], outputSchema: "" };
}
