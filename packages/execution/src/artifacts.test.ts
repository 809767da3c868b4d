import { create } from "@bufbuild/protobuf";
import { AgentExecutionStatusSchema, type Attachment, ExecutionEventSchema } from "@stigmer/contracts/agentic";
import { expect, it } from "vitest";
import { foldStatus } from "./fold-status.ts";

function finished(...files: readonly (readonly [name: string, digit: string])[]) {
  const attachments = files.map(([name, digit]) => ({ name, mediaType: "image/png", digest: `sha256:${digit}` }));
  const value = { result: { content: "", attachments } };
  return create(ExecutionEventSchema, { event: { case: "toolCallFinished", value } });
}

function artifactsAfter(...events: readonly ReturnType<typeof finished>[]): string[] {
  const status = create(AgentExecutionStatusSchema);
  for (const [index, event] of events.entries()) foldStatus(status, event, index + 1);
  return status.artifacts.map(({ name, digest }: Attachment) => `${name} ${digest.slice(7)}`);
}

it("has what tools returned, the oldest first, each once under its name", () => {
  const artifacts = artifactsAfter(finished(["a", "1"], ["b", "2"]), finished(), finished(["a", "1"], ["a", "3"]));

  expect(artifacts).toEqual(["a 1", "b 2", "a 3"]);
});

it("has the newest thousand, however many there were", () => {
  const events = Array.from({ length: 1_100 }, (_, at) => finished(["a", String(at)]));

  const artifacts = artifactsAfter(...events);

  expect([artifacts.length, artifacts[0], artifacts.at(-1)]).toEqual([1_000, "a 100", "a 1099"]);
});
