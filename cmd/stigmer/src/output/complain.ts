import type { Deps } from "../deps.ts";
import type { Failure } from "../failure.ts";
import { paintFor } from "./paint.ts";
import { printableLine, printableText } from "./printable.ts";

/** Says on stderr what went wrong, one line each, then one line of what to do next. */
export async function complain(deps: Pick<Deps, "stderr" | "env">, failure: Failure): Promise<void> {
  const paint = paintFor(deps.stderr, deps.env);
  const lines = [failure.message, ...failure.others]
    .filter((message) => message !== "")
    .map((message) => `${paint.red("error:")} ${printableText(message)}\n`);
  if (failure.next) lines.push(`${printableLine(failure.next)}\n`);
  if (lines.length > 0) await deps.stderr.write(lines.join(""));
}
