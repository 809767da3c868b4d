import type { Question } from "@stigmer/contracts/agentic";
import type { Deps } from "../deps.ts";
import type { Paint } from "../output/paint.ts";
import { printableLine, printableText } from "../output/printable.ts";
import { prompt } from "./prompt.ts";

/** A question to the user, and the answers that the model suggests; nothing in it can draw on the terminal. */
export function inputText({ text, options }: Pick<Question, "text" | "options">, paint: Paint): string {
  const question = printableText(text).replaceAll("\n", "\n  ");
  const suggested = options.map((option, at) => `  ${at + 1}. ${printableLine(option)}\n`).join("");
  return `${paint.yellow("the agent asks")}\n  ${question}\n${suggested}`;
}

/** Asks until something is said; a number takes the answer that stands under it. Undefined where the person goes, or the signal aborts. */
export async function askInput(
  deps: Pick<Deps, "stdin" | "stderr">,
  { options }: Pick<Question, "options">,
  signal: AbortSignal,
): Promise<string | undefined> {
  const numbers = options.length > 0 ? `, or 1 to ${options.length}` : "";
  for (;;) {
    const line = await prompt(deps, `your answer${numbers} (Ctrl-D leaves it open): `, signal);
    if (line === undefined) return undefined;
    const answer = line.trim();
    if (answer) return options[Number(answer) - 1] ?? answer;
  }
}
