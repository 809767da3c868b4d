import type { Deps } from "../deps.ts";

/** A line of the person's, without its end; undefined at the end of the input or when the signal aborts. */
export async function prompt(
  deps: Pick<Deps, "stdin" | "stderr">,
  text: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  await deps.stderr.write(text);
  const line = await deps.stdin.line(signal);
  if (line !== undefined && !signal.aborted) return line;
  // The end of the input leaves the line open.
  await deps.stderr.write("\n");
  return undefined;
}
