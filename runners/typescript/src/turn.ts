import { Failure, FinishReason, type ModelAnswer, type ToolCall, textOf, toolCallsOf } from "@stigmer/sdk";

/** What a loop does after the model has answered: ends with a text, or calls tools, each as a step of its own. */
export type Move =
  | { readonly kind: "finish"; readonly output: string }
  | { readonly kind: "call"; readonly steps: readonly ToolStep[] };

export type ToolStep = { readonly stepKey: string; readonly call: ToolCall };

/** Where a loop is: turns count model calls that go on with the conversation, rounds those of them that called tools. */
export type Progress = {
  readonly turn: number;
  readonly maxTurns: number;
  readonly toolRounds: number;
  /** 0 where there is no limit. */
  readonly maxToolRounds: number;
};

/**
 * Decides on one turn from the model's answer. Throws LIMIT_REACHED where the answer was cut off before it began, or
 * where tools are asked for in the last turn, for their effects would be for an answer that never comes, or once more
 * than the execution's limit allows.
 */
export function moveAfter(progress: Progress, answer: Pick<ModelAnswer, "message" | "finishReason">): Move {
  const { turn, maxTurns, toolRounds, maxToolRounds } = progress;
  const calls = toolCallsOf(answer.message);
  if (calls.length === 0) return { kind: "finish", output: finalText(answer) };
  if (turn >= maxTurns) {
    throw new Failure("LIMIT_REACHED", `the agent is not done after ${maxTurns} turns, its limit`);
  }
  if (maxToolRounds > 0 && toolRounds >= maxToolRounds) {
    throw new Failure("LIMIT_REACHED", `the agent is not done after ${maxToolRounds} rounds of tool calls, its limit`);
  }
  const keys = uniqueKeys(calls.map((call) => call.id));
  const steps = calls.map((call, index) => ({ stepKey: `turn/${turn}/tool/${keys[index]}`, call }));
  return { kind: "call", steps };
}

function finalText({ message, finishReason }: Pick<ModelAnswer, "message" | "finishReason">): string {
  const text = textOf(message);
  if (text === "" && finishReason === FinishReason.LENGTH) {
    throw new Failure("LIMIT_REACHED", "the model's answer reached its longest length before it had any text");
  }
  if (text === "" && finishReason === FinishReason.CONTENT_FILTER) {
    throw new Failure("PROVIDER_REFUSED", "the model's provider withheld the answer");
  }
  return text;
}

// Models do repeat ids within a message, and two calls that share a step would share an outcome.
function uniqueKeys(ids: readonly string[]): string[] {
  const taken = new Set<string>();
  return ids.map((id) => {
    let key = id;
    for (let count = 2; taken.has(key); count++) key = `${id}#${count}`;
    taken.add(key);
    return key;
  });
}
