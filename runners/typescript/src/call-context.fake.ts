import { createHash } from "node:crypto";
import type { ToolCallContext, ToolCallProgress, ToolQuestion, ToolReply } from "@stigmer/sdk";

/** What a call asks of the kit, noted; questions are answered as a test says, and declined where it says nothing. */
export interface FakeContext extends ToolCallContext {
  readonly questions: readonly ToolQuestion[];
  readonly progressed: readonly ToolCallProgress[];
  readonly saved: readonly Uint8Array[];
}

export type FakeContextOptions = {
  readonly signal?: AbortSignal;
  readonly answer?: (question: ToolQuestion) => ToolReply | Promise<ToolReply>;
};

export function createFakeContext({ signal, answer }: FakeContextOptions = {}): FakeContext {
  const questions: ToolQuestion[] = [];
  const progressed: ToolCallProgress[] = [];
  const saved: Uint8Array[] = [];
  return {
    ...{ questions, progressed, saved },
    signal: signal ?? new AbortController().signal,
    async elicit(question, giveUp) {
      questions.push(question);
      const gone = Promise.withResolvers<never>();
      giveUp?.addEventListener("abort", () => gone.reject(giveUp.reason));
      const declined: ToolReply = { action: "decline", content: "" };
      return await Promise.race([gone.promise, answer?.(question) ?? declined]);
    },
    progress: (progress) => void progressed.push(progress),
    async saveBlob(content) {
      saved.push(content);
      return `sha256:${createHash("sha256").update(content).digest("hex")}`;
    },
  };
}
