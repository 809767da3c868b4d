import { openBackend } from "../backend/open-backend.ts";
import type { GlobalOptions } from "../command-line.ts";
import type { Deps } from "../deps.ts";
import { itemJson } from "../execution/event-json.ts";
import { executionId } from "../execution/find-execution.ts";
import { follow } from "../execution/follow.ts";
import { timelineLine } from "../execution/timeline.ts";
import { formatOf } from "../output/format.ts";
import { formatJsonLine } from "../output/structured.ts";

export type LogsOptions = GlobalOptions & { readonly name: string; readonly follow?: boolean };

/** Writes an execution's timeline; with `-o json` its events, one line each. */
export async function logs(deps: Deps, options: LogsOptions): Promise<void> {
  const format = formatOf(options.output, { isTTY: deps.stdout.isTTY, allowed: ["table", "json"] });
  await using backend = await openBackend(deps, options);
  const id = await executionId(deps, backend.client(), options.name);
  const stopAtEnd = !options.follow;
  for await (const item of follow(deps, backend, { executionId: id, stopAtEnd, signal: deps.interrupt })) {
    const line = timelineLine(item, { delimited: format === "delimited" });
    await deps.stdout.write(format === "json" ? formatJsonLine(itemJson(item)) : line);
  }
}
