import type { Deps } from "./deps.ts";
import { EXIT, Failure } from "./failure.ts";

/** Runs one command line (without the program's name) and returns the process's exit code. Never throws. */
export async function runCli(deps: Deps, args: readonly string[]): Promise<number> {
  try {
    return await run(deps, args);
  } catch (error) {
    const failure = await endOf(deps, error);
    await (await import("./output/complain.ts")).complain(deps, failure);
    return failure.exit;
  }
}

/** A line of one word that takes no arguments needs no parser, which is most of what such a command would load. */
async function run(deps: Deps, args: readonly string[]): Promise<number> {
  if (args.length !== 1 || args[0] !== "version") return await (await import("./program.ts")).runProgram(deps, args);
  await (await import("./commands/version-show.ts")).version(deps, {});
  return EXIT.done;
}

/** After Ctrl-C whatever breaks is a consequence of it. */
async function endOf(deps: Deps, error: unknown): Promise<Failure> {
  // What reads errors is large, and most commands end well.
  const failure = error instanceof Failure ? error : (await import("./explain.ts")).explain(error);
  if (!deps.interrupt.aborted || error instanceof Failure) return failure;
  return new Failure(EXIT.interrupted, "", "");
}
