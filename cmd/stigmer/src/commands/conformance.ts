import { access } from "node:fs/promises";
import { resolve } from "node:path";
import type { Command } from "commander";
import { namedUrl } from "../backend/open-backend.ts";
import { type GlobalOptions, newLeaf, optionsOf } from "../command-line.ts";
import type { Deps } from "../deps.ts";
import { EXIT, Failure, failed, misused } from "../failure.ts";
import { formatOf } from "../output/format.ts";

export type Options = GlobalOptions & { readonly claims?: string; readonly only?: string };

export function newConformanceCommand(deps: Deps, run = conformance): Command {
  return newLeaf(
    "conformance",
    "Checks whether a backend keeps the contract's promises. Makes and removes resources there.",
  )
    .option("--claims <file>", "what the backend says it offers; its own word unless told")
    .option("--only <text>", "only the cases whose name contains this")
    .action((_, command: Command) => run(deps, optionsOf<Options>(command)));
}

/** Runs the suite as a program of its own, which speaks the wire and nothing else. */
export async function conformance(deps: Deps, options: Options): Promise<void> {
  const format = formatOf(options.output, { isTTY: true, allowed: ["table", "json"] });
  const url = await namedUrl(deps, options);
  if (url === undefined)
    throw misused("no backend is named", "name one: stigmer conformance --url http://127.0.0.1:50051");
  const program = deps.conformanceProgram;
  const isThere = await access(program).then(
    () => true,
    () => false,
  );
  if (!isThere) {
    const next = "make build in a checkout builds it; make install brings it with the command line";
    throw failed(`the conformance program is not installed: ${program} is missing`, next);
  }
  const { claims, only } = options;
  const given = [
    ...["--url", url],
    ...(claims === undefined ? [] : ["--claims", resolve(deps.cwd, claims)]),
    ...(only === undefined ? [] : ["--only", only]),
    ...(format === "json" ? ["--json"] : []),
  ];
  const [node = ""] = deps.daemonCommand;
  const code = await deps.processes.run({ command: [node, program, ...given], env: deps.env, cwd: deps.cwd });
  if (code === 0) return;
  throw new Failure(
    EXIT.failed,
    code === 1 ? "" : `the conformance program ended with exit code ${code}`,
    "see each case above, or one of them: --only <text>",
  );
}
