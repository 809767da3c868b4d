import { AgentExecutionSchema, ApprovalSchema } from "@stigmer/contracts/agentic";
import { formatInbox, inboxRow } from "../approval/inbox-table.ts";
import { type InboxSelection, readInbox } from "../approval/read-inbox.ts";
import { openBackend } from "../backend/open-backend.ts";
import type { GlobalOptions } from "../command-line.ts";
import type { Deps } from "../deps.ts";
import { executionId } from "../execution/find-execution.ts";
import { kindOfMessage } from "../kinds/kinds.ts";
import { printPages } from "../kinds/resource-printer.ts";
import { isId, type Page } from "../kinds/resources.ts";
import { formatOf } from "../output/format.ts";

export type ListOptions = GlobalOptions & {
  readonly all?: boolean;
  readonly execution?: string;
  readonly watch?: boolean;
};

/** Shows what waits for a decision, the oldest first. */
export async function list(deps: Deps, options: ListOptions): Promise<void> {
  const format = formatOf(options.output, { isTTY: deps.stdout.isTTY });
  await using backend = await openBackend(deps, options);
  const { execution, all = false } = options;
  const isKnown = execution === undefined || isId(kindOfMessage(AgentExecutionSchema), execution);
  const id = isKnown ? execution : await executionId(deps, backend.client(), execution);
  const selection: InboxSelection = { all, executionId: id };
  if (options.watch) {
    // Streams need what calls do without.
    const { watchInbox } = await import("../approval/watch-inbox.ts");
    return await watchInbox(deps, backend, { selection, format });
  }
  const { items, resourceVersion } = await readInbox(backend.client(), selection, { signal: deps.interrupt });
  if (format === "delimited") return await deps.stdout.write(items.map((item) => inboxRow(item)).join(""));
  if (format === "table" || format === "wide") {
    const columns = deps.stdout.isTTY && format === "table" ? deps.stdout.columns : undefined;
    const table = { wide: format === "wide", all, columns, now: deps.clock.now() };
    return await deps.stdout.write(formatInbox(items, table));
  }
  const page: Page = { items, resourceVersion, nextPageToken: "", resumeToken: "" };
  await printPages(deps, kindOfMessage(ApprovalSchema), one(page), format);
}

async function* one(page: Page): AsyncIterable<Page> {
  yield page;
}
