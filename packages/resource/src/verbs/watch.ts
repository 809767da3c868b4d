import type { DescMessage, Message } from "@bufbuild/protobuf";
import { exhausted, expired, invalid, isFault } from "@stigmer/base";
import type { Change, Snapshot, Watch } from "@stigmer/store";
import type { Call } from "../call.ts";
import type { Handler } from "../handler.ts";
import type { Kind } from "../kind.ts";
import type { PipelineDeps } from "../pipeline.ts";
import { createWatchTokens } from "../tokens.ts";
import { type Beat, createBeat } from "./beat.ts";
import { createPace, LONGEST_BEHIND_MS } from "./pace.ts";
import { type Query, queryOf } from "./query.ts";
import { matchingRows } from "./rows.ts";
import { createEventMaker, type SelectionEvents } from "./watch-events.ts";
import { withTicks } from "./with-ticks.ts";

type WatchRequest = Message & { readonly sendInitial: boolean; readonly resumeToken: string };
type WatchDeps = Pick<PipelineDeps, "store" | "keys" | "clock">;

type StreamHandler = Extract<Handler, { shape: "stream" }>;
type Messages = readonly Message[];

/** A watch that has just sent something looks again after this time, so that many changes cost one look and one write. */
const BEAT_MS = 20;
const INITIAL_PAGE = 500;
const BOOKMARK_INTERVAL_MS = 30_000;
/** A view of the store that a reader does not read to its end keeps what was overwritten since: not for longer than this. */
const LONGEST_INITIAL_MS = 5 * LONGEST_BEHIND_MS;

/**
 * Streams a kind's changes, each once and in order, as long as the reader keeps up. One who is more than `MOST_BEHIND`
 * commits or `LONGEST_BEHIND_MS` behind is told so with a token; a stream holds no more than one step of the store's.
 */
export function watchVerb(deps: WatchDeps, kind: Kind, output: DescMessage): Pick<StreamHandler, "run" | "batches"> {
  const maker = createEventMaker(kind, output);
  const beat = createBeat(BEAT_MS);
  async function* batches(request: Message, call: Call): AsyncIterable<readonly Message[]> {
    const { sendInitial, resumeToken } = request as WatchRequest;
    if (sendInitial && resumeToken)
      throw invalid([{ field: "sendInitial", description: "can't be set together with resumeToken" }]);
    const query = queryOf(kind, request, call);
    const tokens = createWatchTokens(deps, query.fingerprint);
    const from = resumeToken ? tokens.read(resumeToken) : undefined;
    using events = maker.join({ ...query, matches: query.selection.matches, tokenOf: tokens.issue });
    const after = from ?? (sendInitial ? yield* initial(deps, query, events) : deps.store.revision());
    yield* later(deps, { query, events, after, beat, tokenOf: tokens.issue }, call.signal);
    call.signal.throwIfAborted(); // a watch has no end of its own
  }
  return {
    batches,
    async *run(request, call) {
      for await (const messages of batches(request, call)) yield* messages;
    },
  };
}

/** What is there, then a bookmark; returns the revision at which it was. */
async function* initial(deps: WatchDeps, query: Query, events: SelectionEvents): AsyncGenerator<Messages, number> {
  await using snapshot = deps.store.snapshot();
  const { filter, selection } = query;
  const started = deps.clock.monotonic();
  for (let after: string | undefined = ""; after !== undefined; ) {
    if (deps.clock.monotonic() - started > LONGEST_INITIAL_MS) throw exhausted("READER_TOO_SLOW", { resume_token: "" });
    const page: Awaited<ReturnType<typeof matchingRows>> = await initialPage(snapshot, after, { filter, selection });
    yield* events.added(page.rows);
    after = page.next;
  }
  yield [events.bookmark(snapshot.revision)];
  return snapshot.revision;
}

function initialPage(snapshot: Snapshot, after: string, { filter, selection }: Pick<Query, "filter" | "selection">) {
  return matchingRows(snapshot, { filters: [filter], plan: selection.plan }, { after, limit: INITIAL_PAGE });
}

type Following = {
  readonly query: Query;
  readonly events: SelectionEvents;
  readonly after: number;
  readonly beat: Beat;
  readonly tokenOf: (revision: number) => string;
};

async function* later(
  { store, clock }: WatchDeps,
  { query, events, after, beat, tokenOf }: Following,
  signal: AbortSignal,
): AsyncGenerator<Messages> {
  const pace = createPace(clock, () => store.revision());
  const watch = store.watch(query.filter, { after, signal });
  let sent = after;
  for await (const changes of steps(watch, () => store.revision())) {
    if (changes === undefined) {
      sent = Math.max(sent, watch.position());
      yield [events.bookmark(sent)];
      continue;
    }
    sent = Math.max(sent, (changes[0]?.revision ?? 0) - 1);
    for (const { messages, revision, whole } of events.of(changes)) {
      if (pace.isTooSlow(sent, revision)) throw exhausted("READER_TOO_SLOW", { resume_token: tokenOf(sent) });
      using _ = pace.taking();
      yield messages;
      sent = whole ?? sent;
    }
    await beat.next();
  }
}

/** The steps of a watch, and `undefined` when it is time for a bookmark. */
async function* steps(watch: Watch, newest: () => number): AsyncGenerator<readonly Change[] | undefined> {
  try {
    yield* withTicks(watch, BOOKMARK_INTERVAL_MS);
  } catch (cause) {
    if (!isFault(cause, "WATCH_TOKEN_EXPIRED")) throw cause;
    throw expired(cause.reason, { ...cause.facts, relist_from: newest() }, { cause });
  }
}
