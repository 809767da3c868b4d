import { type AgentSpec, Failure, type Message, Role, textMessage } from "@stigmer/sdk";
import { checkOutput } from "./output-check.ts";

const DEFAULT_MAX_REPAIRS = 2;

/** A final answer; or what the conversation goes on with, where it has to be given once more. */
export type CheckedAnswer =
  | { readonly ok: true; readonly output: string }
  | { readonly ok: false; readonly said: readonly Message[] };

/**
 * Checks the answers of one execution. The model is told what is wrong as often as the agent allows; then it throws
 * OUTPUT_INVALID, or LIMIT_REACHED where there is no turn left. Without an output schema every text is an answer.
 */
export function createAnswerCheck(
  output: AgentSpec["output"],
  maxTurns: number,
): (turn: number, text: string) => CheckedAnswer {
  const most = output?.maxRepairs ?? DEFAULT_MAX_REPAIRS;
  let repairs = 0;
  return (turn, text) => {
    if (!output) return { ok: true, output: text };
    const checked = checkOutput(text, output.schema);
    if (checked.ok) return checked;
    const { problem } = checked;
    if (repairs >= most)
      throw new Failure(
        "OUTPUT_INVALID",
        `the answer does not fit the output schema, after ${repairs} repairs: ${problem}`,
      );
    if (turn >= maxTurns)
      throw new Failure(
        "LIMIT_REACHED",
        `the agent's answer does not fit its output schema after ${maxTurns} turns, its limit: ${problem}`,
      );
    repairs += 1;
    return {
      ok: false,
      said: [textMessage(Role.ASSISTANT, text || "(nothing)"), textMessage(Role.USER, ask(problem))],
    };
  };
}

function ask(problem: string): string {
  return `Your answer does not fit the JSON schema that it has to fit: ${problem}. Answer again, with nothing but JSON that fits.`;
}
