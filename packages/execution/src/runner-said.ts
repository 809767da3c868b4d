import { isFault } from "@stigmer/base";
import { type RunnerMessage, RunnerMessageSchema } from "@stigmer/contracts/agentic";
import type { Executions } from "./executions.ts";
import type { Connection } from "./runners.ts";

/** What a runner says, with the secrets masked of the execution that it speaks of. */
export async function runnerSaid(
  { load, redaction }: Pick<Executions, "load" | "redaction">,
  { org }: Connection,
  said: RunnerMessage,
): Promise<RunnerMessage> {
  const id = executionOf(said.message);
  if (!id) return redaction.message(RunnerMessageSchema, said);
  const ref = { org, id };
  // A runner may name anything.
  const state = await load(ref).catch((error: unknown) => {
    if (isFault(error)) return undefined;
    throw error;
  });
  return await redaction.said({ ref, created: state?.created }, RunnerMessageSchema, said);
}

function executionOf({ case: kind, value }: RunnerMessage["message"]): string | undefined {
  switch (kind) {
    case "attemptFinished":
      return value.lease?.executionId;
    case "stepEnded":
      return value.step?.lease?.executionId;
    case "toolCallEnded":
    case "elicitationAsked":
    case "toolProgress":
      return value.call?.executionId;
    default:
      return undefined;
  }
}
