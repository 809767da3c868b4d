import type { Deps } from "../deps.ts";
import { misused } from "../failure.ts";

/** The largest message or answer that the contract takes. */
const MAX_TEXT_BYTES = 1024 * 1024;

/** Standard input to its end, without the line end there; refuses what is too large, or no text. `what` names it: `message`. */
export async function readText(deps: Pick<Deps, "stdin">, what: string): Promise<string> {
  try {
    return (await deps.stdin.text(MAX_TEXT_BYTES)).replace(/\r?\n$/, "");
  } catch (error) {
    if (error instanceof RangeError) throw misused(`the ${what} is larger than 1 MiB`);
    if (error instanceof TypeError) throw misused(`the ${what} is not UTF-8 text`);
    throw error;
  }
}
