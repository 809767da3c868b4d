import { create } from "@bufbuild/protobuf";
import { connectTo } from "@stigmer/client/node";
import { AssignmentSchema, Role } from "@stigmer/contracts/agentic";
import type { GenerateRequest } from "@stigmer/contracts/gateway";
import { expect, it } from "vitest";
import { type ContextDeps, createAttemptContext } from "./attempt-context.ts";
import { answering, startFakeBackend } from "./backend.fake.ts";
import { textMessage } from "./messages.ts";

const ASSIGNMENT = create(AssignmentSchema, {
  lease: { executionId: "aex_1", epoch: 1n },
  agent: { instructions: "help" },
  message: "hello",
  attachments: [{ name: "a.png", mediaType: "image/png", digest: `sha256:${"a".repeat(64)}`, size: 3n }],
  skills: [{ name: "pdf", description: "reads PDF" }],
  ...{ contextWindow: 8_000n, historyTokens: 7_000n, maxToolRounds: 4, planFirst: true },
});

it("tells a loop what the backend has pinned for the execution", () => {
  const context = createAttemptContext(ASSIGNMENT, {} as ContextDeps);

  expect(context).toMatchObject({
    attachments: [{ name: "a.png" }],
    skills: [{ name: "pdf", description: "reads PDF" }],
    ...{ contextWindow: 8_000, historyTokens: 7_000, maxToolRounds: 4, planFirst: true },
  });
});

it("asks for an output schema and notes what a summary replaces, and says how much the model takes", async () => {
  const asked: GenerateRequest[] = [];
  const backend = await startFakeBackend();
  backend.generate = (request) => {
    asked.push(request);
    return answering({
      message: { case: "result", value: { message: textMessage(Role.ASSISTANT, "{}"), contextWindow: 9n } },
    });
  };
  const client = connectTo({ url: backend.url });
  const deps = { client, persist: (call: () => unknown) => call(), signal: new AbortController().signal };
  const context = createAttemptContext(ASSIGNMENT, deps as unknown as ContextDeps);
  const compaction = { replacedMessages: 3, keptMessages: 2, tokensBefore: 5n };
  const messages = [textMessage(Role.USER, "hello")];

  const answer = await context.generate("a", { messages, tools: [], outputSchema: "{}" });
  await context.generate("b", { messages, tools: [], compaction });
  client.close();
  await backend.crash();

  expect(answer.contextWindow).toBe(9);
  expect(asked).toMatchObject([
    { stepKey: "a", outputSchema: "{}" },
    { stepKey: "b", outputSchema: "", compaction },
  ]);
  expect(asked[0]?.compaction).toBeUndefined();
});
