import { create, type DescMessage, type Message } from "@bufbuild/protobuf";
import { decodeCursor, encodeCursor, invalid } from "@stigmer/base";
import { WatchEventType } from "@stigmer/contracts/commons";
import type { Change, Row, RowFilter, Store } from "@stigmer/store";
import type { Call } from "../call.ts";
import type { Kind } from "../kind.ts";
import type { PipelineDeps } from "../pipeline.ts";
import { fromRow } from "../stored.ts";

type ListRequest = Message & { pageSize: number; pageToken: string; parent?: string };
type WatchRequest = Message & { sendInitial: boolean; resumeToken: string; parent?: string };

const DEFAULT_PAGE = 50;
const INITIAL_PAGE = 500;
const BOOKMARK_INTERVAL_MS = 30_000;

export async function list(deps: PipelineDeps, kind: Kind, request: Message, call: Call): Promise<Message> {
  const { pageSize, pageToken, parent } = request as ListRequest;
  const filter = rowFilter(kind, call, parent);
  const fingerprint = JSON.stringify([filter.tenant, filter.kind, filter.parent ?? ""]);
  const after = pageToken ? decodeCursor(fingerprint, pageToken) : undefined;
  const page = await deps.store.page(filter, {
    limit: pageSize || DEFAULT_PAGE,
    ...(after !== undefined && { after }),
  });
  return build(call.method.output, {
    items: page.rows.map((row) => fromRow(kind, row)),
    nextPageToken: page.next === undefined ? "" : encodeCursor(fingerprint, page.next),
    resourceVersion: String(page.revision),
  });
}

export async function* watch(deps: PipelineDeps, kind: Kind, request: Message, call: Call): AsyncIterable<Message> {
  const { sendInitial, resumeToken, parent } = request as WatchRequest;
  if (sendInitial && resumeToken)
    throw invalid([{ field: "sendInitial", description: "can't be set together with resumeToken" }]);
  const filter = rowFilter(kind, call, parent);
  const event = (type: WatchEventType, token: string, row?: Row): Message =>
    build(call.method.output, { type, resumeToken: token, ...(row && { object: fromRow(kind, row) }) });
  let after = resumeToken ? parseToken(resumeToken) : deps.store.revision();
  if (sendInitial) {
    await using snapshot = deps.store.snapshot();
    after = snapshot.revision;
    for await (const row of allRows(snapshot, filter)) yield event(WatchEventType.ADDED, "", row);
    yield event(WatchEventType.BOOKMARK, String(after));
  }
  for await (const changes of withTicks(
    deps.store.watch(filter, { after, signal: call.signal }),
    BOOKMARK_INTERVAL_MS,
  )) {
    for (const [at, change] of changes?.entries() ?? []) {
      const whole = changes?.[at + 1]?.revision !== change.revision;
      yield event(eventType(change), whole ? String(change.revision) : "", change.row);
    }
    after = changes?.at(-1)?.revision ?? after;
    if (!changes) yield event(WatchEventType.BOOKMARK, String(after));
  }
  call.signal.throwIfAborted(); // a watch has no end of its own
}

function eventType(change: Change): WatchEventType {
  if (change.type === "delete") return WatchEventType.DELETED;
  return change.created ? WatchEventType.ADDED : WatchEventType.MODIFIED;
}

async function* allRows(read: Pick<Store, "page">, filter: RowFilter): AsyncIterable<Row> {
  let after: string | undefined;
  do {
    const page = await read.page(filter, { limit: INITIAL_PAGE, ...(after !== undefined && { after }) });
    yield* page.rows;
    after = page.next;
  } while (after !== undefined);
}

/** The items of `source`, and `undefined` whenever none came for `interval` milliseconds. */
async function* withTicks<T>(source: AsyncIterable<T>, interval: number): AsyncIterable<T | undefined> {
  const items = source[Symbol.asyncIterator]();
  let next = items.next();
  try {
    for (;;) {
      const result = await nextOrTick(next, interval);
      if (result?.done) return;
      yield result?.value;
      if (result) next = items.next();
    }
  } finally {
    next.catch(() => {}); // the source ends by its signal, and nobody waits for that
    void items.return?.();
  }
}

async function nextOrTick<T>(
  next: Promise<IteratorResult<T>>,
  interval: number,
): Promise<IteratorResult<T> | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const tick = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), interval);
  });
  try {
    return await Promise.race([next, tick]);
  } finally {
    clearTimeout(timer);
  }
}

function rowFilter(kind: Kind, call: Call, parent: string | undefined): RowFilter {
  return { tenant: call.org, kind: kind.options.kind, ...(parent && { parent }) };
}

function parseToken(token: string): number {
  const revision = Number(token);
  if (!/^\d{1,15}$/.test(token))
    throw invalid([{ field: "resumeToken", description: "was not made by a watch or a list of this backend" }]);
  return revision;
}

function build(schema: DescMessage, fields: Record<string, unknown>): Message {
  return create(schema, fields as never);
}
