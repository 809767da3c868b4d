import type { Deps } from "../deps.ts";
import { EXIT, Failure, interrupted, misused } from "../failure.ts";
import { printableLine } from "./printable.ts";

/** Goes on where the user says yes, by `--yes` or on a terminal. Off a terminal nobody is asked, and nothing is done. */
export async function confirm(
  deps: Pick<Deps, "stdin" | "stderr" | "interrupt">,
  question: string,
  yes: boolean | undefined,
): Promise<void> {
  if (yes) return;
  if (!deps.stdin.isTTY || !deps.stderr.isTTY) {
    throw misused(`nobody is there to answer: ${question}`, "add --yes where this is meant");
  }
  await deps.stderr.write(`${printableLine(question)} [y/N] `);
  const answer = await deps.stdin.line(deps.interrupt);
  if (deps.interrupt.aborted) throw interrupted();
  if (!/^y(es)?$/i.test(answer?.trim() ?? "")) throw new Failure(EXIT.failed, "nothing was done", "");
}
