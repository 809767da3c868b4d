import { openBackend } from "../backend/open-backend.ts";
import type { GlobalOptions } from "../command-line.ts";
import type { Deps } from "../deps.ts";
import { itemJson } from "../execution/event-json.ts";
import { executionId } from "../execution/find-execution.ts";
import { follow } from "../execution/follow.ts";
import { timelineLine } from "../execution/timeline.ts";
import { formatOf } from "../output/format.ts";
import { formatJsonLine } from "../output/structured.ts";

export type LogsOptions = GlobalOptions & {
  readonly name: string;
  readonly follow?: boolean;
  readonly verbose?: boolean;
};

/**
 * Writes an execution's timeline; with `-o json` its events, one line each. Who follows it on a terminal sees it as who started it;
 * questions are shown there, and decided elsewhere.
 */
export async function logs(deps: Deps, options: LogsOptions): Promise<void> {
  const format = formatOf(options.output, { isTTY: deps.stdout.isTTY, allowed: ["table", "json"] });
  await using backend = await openBackend(deps, options);
  const id = await executionId(deps, backend.client(), options.name);
  if (options.follow && options.output === undefined && deps.stdout.isTTY) {
    const { lookOn } = await import("../execution/look-on.ts");
    return await lookOn(deps, backend, { executionId: id, verbose: options.verbose });
  }
  const stopAtEnd = !options.follow;
  for await (const item of follow(deps, backend, { executionId: id, stopAtEnd, signal: deps.interrupt })) {
    const line = timelineLine(item, { delimited: format === "delimited" });
    await deps.stdout.write(format === "json" ? formatJsonLine(itemJson(item)) : line);
  }
}
