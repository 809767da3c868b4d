import { setImmediate } from "node:timers/promises";
import { create } from "@bufbuild/protobuf";
import { type Timestamp, timestampMs } from "@bufbuild/protobuf/wkt";
import { type Clock, exhausted, idsFrom } from "@stigmer/base";
import type { AgentExecution } from "@stigmer/contracts/agentic";
import { type UsageRequest, type UsageResponse, UsageResponseSchema } from "@stigmer/contracts/gateway";
import { type Call, createPageTokens, deletedKind, fromRow, type Kind } from "@stigmer/resource";
import type { Keys } from "@stigmer/resource/port";
import type { Page, Row, Snapshot, Store } from "@stigmer/store";
import { compare, createUsageSums, type Order, orderOf, type UsageSums } from "./usage-rows.ts";

export type UsageDeps = {
  readonly store: Store;
  readonly keys: Keys;
  readonly clock: Clock;
  readonly executionKind: Kind;
  /** Executions that one answer looks at, at most; 100,000 unless told. */
  readonly mostExecutions?: number;
};

const MOST_EXECUTIONS = 100_000;
const SCAN_PAGE = 500;
const DEFAULT_PAGE = 50;

/** What executions used. Their records are read page by page, at most so many of them. */
export function usageReport(deps: UsageDeps): (request: UsageRequest, call: Call) => Promise<UsageResponse> {
  const pages = createPageTokens(deps);
  return async (request, call) => {
    const { groupBy, pageToken, pageSize } = request;
    const place = JSON.stringify([call.org, groupBy, msOf(request.from) ?? "", msOf(request.to) ?? ""]);
    const after = pageToken === "" ? undefined : (JSON.parse(pages.read(place, pageToken)) as Order);
    const sums = await sumUp(deps, request, call);
    const rows = sums.rows().filter((row) => after === undefined || compare(after, orderOf(groupBy, row)) < 0);
    const shown = rows.slice(0, pageSize || DEFAULT_PAGE);
    const last = rows.length > shown.length ? shown.at(-1) : undefined;
    return create(UsageResponseSchema, {
      rows: shown,
      nextPageToken: last ? pages.issue(place, JSON.stringify(orderOf(groupBy, last))) : "",
      total: sums.total,
    });
  };
}

function msOf(time: Timestamp | undefined): number | undefined {
  return time && timestampMs(time);
}

/** Ids are in the order in which executions were made, so that only those of the time asked for are read. */
async function sumUp(deps: UsageDeps, request: UsageRequest, call: Call): Promise<UsageSums> {
  const { store, executionKind, mostExecutions = MOST_EXECUTIONS } = deps;
  const { idPrefix } = executionKind.options;
  const [from, to] = [msOf(request.from) ?? 0, msOf(request.to)];
  const end = to === undefined ? undefined : idsFrom(idPrefix, to);
  const sums = createUsageSums(request.groupBy);
  await using snapshot = store.snapshot();
  let count = 0;
  const kinds = [executionKind.options.kind, deletedKind(executionKind)];
  for await (const row of rowsOf(snapshot, kinds, { tenant: call.org, after: idsFrom(idPrefix, from), end })) {
    call.signal.throwIfAborted();
    if (++count > mostExecutions) throw tooMany(mostExecutions);
    sums.add(fromRow(executionKind, row) as AgentExecution);
  }
  return sums;
}

type Range = { readonly tenant: string; readonly after: string; readonly end: string | undefined };

async function* rowsOf(snapshot: Snapshot, kinds: readonly string[], range: Range): AsyncIterable<Row> {
  for (const kind of kinds) yield* rowsOfKind(snapshot, kind, range);
}

/** Between two pages others have their turn. */
async function* rowsOfKind(snapshot: Snapshot, kind: string, { tenant, after, end }: Range): AsyncIterable<Row> {
  for (let next: string | undefined = after; next !== undefined; ) {
    const page: Page = await snapshot.page({ tenant, kind }, { after: next, limit: SCAN_PAGE });
    for (const row of page.rows) {
      if (end !== undefined && row.id >= end) return;
      yield row;
    }
    next = page.next;
    await setImmediate();
  }
}

function tooMany(most: number): Error {
  const message = `there are more than ${most} executions in this time: ask for a shorter one, by \`from\` and \`to\``;
  return exhausted("LIMIT_REACHED", { limit: "executions of one report", most }, { message });
}
