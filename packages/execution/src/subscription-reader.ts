import type { SubscribeRequest, SubscribeResponse } from "@stigmer/contracts/agentic";
import type { Store } from "@stigmer/store";
import { type ExecutionRef, streamKey } from "./execution-ref.ts";
import { inBatches, type SentEntry, sentEntry } from "./journal-page.ts";
import { noExecution } from "./states.ts";
import type { Tail } from "./tail.ts";
import type { Follower, LoggedPiece } from "./tail-log.ts";
import { createTextCursors } from "./text-cursors.ts";

export type Responses = readonly SubscribeResponse[];

/** What comes next for a reader; `until` is where it is in the tail's bytes after it, if it is at the tail. */
export type Ready = { readonly responses: Responses; readonly until?: number };

/** One reader's way through an execution. It holds no more than a page. */
export interface SubscriptionReader {
  /** The newest entry that it has. */
  sequence(): number;
  /** Whether it has to read the store before it can follow. */
  isBehind(): boolean;
  /** What it can have at once; undefined where it is behind, or has everything. */
  ready(): Ready | undefined;
  /** The next entries from the store. */
  replay(): Promise<Responses>;
  /** The fields with which a request goes on after what it has. */
  place(): { readonly sequence: number; readonly offset: number; readonly stream: string };
}

export type ReaderOf = {
  readonly store: Pick<Store, "read">;
  readonly ref: ExecutionRef;
  readonly request: SubscribeRequest;
  readonly tail: Tail;
  readonly follower: Follower;
};

/** What is read at once has about so many bytes, and goes out in parts of the other size. */
const PAGE_BYTES = 256 * 1024;
const BATCH_BYTES = 64 * 1024;
const FIRST_PAGE = 20;
const LONGEST_PAGE = 500;

export function createSubscriptionReader({ store, ref, request, tail, follower }: ReaderOf): SubscriptionReader {
  const texts = createTextCursors(request);
  let sequence = Math.max(1, Number(request.fromSequence)) - 1;
  let page: (readonly SentEntry[])[] = [];
  let pageLength = FIRST_PAGE;

  const isBehind = (): boolean => !follower.isFollowing() && sequence < tail.sequence();

  function takePiece(piece: LoggedPiece): Ready {
    if (piece.place) texts.took(piece.place);
    const entries = piece.entries.filter((entry) => entry.sequence > sequence);
    const isWhole = entries.length === piece.entries.length;
    take(entries);
    return { responses: isWhole ? piece.responses : entries.map(({ response }) => response), until: piece.until };
  }

  function take(entries: readonly SentEntry[]): void {
    for (const entry of entries) texts.pass(entry);
    sequence = entries.at(-1)?.sequence ?? sequence;
  }

  /** Reads no further than the tail has: a text that is open there is open at the end of what was read. */
  async function readPage(): Promise<void> {
    const limit = Math.min(pageLength, tail.sequence() - sequence);
    const entries = await store.read(streamKey(ref), { from: sequence + 1, limit });
    if (entries.length === 0) throw noExecution(ref);
    const sent = entries.map(sentEntry);
    const bytes = sent.reduce((sum, entry) => sum + entry.bytes, 0);
    pageLength = Math.max(1, Math.min(LONGEST_PAGE, Math.floor((PAGE_BYTES * sent.length) / Math.max(1, bytes))));
    page = [...inBatches(sent, BATCH_BYTES)];
  }

  return {
    sequence: () => sequence,
    isBehind,
    ready() {
      const piece = follower.take();
      if (piece) return takePiece(piece);
      const text = isBehind() ? undefined : texts.next(tail.opens());
      return text && { responses: [text] };
    },
    async replay() {
      if (page.length === 0) await readPage();
      const entries = page.shift() ?? [];
      take(entries);
      return entries.map(({ response }) => response);
    },
    place: () => ({ sequence: sequence + 1, ...texts.newest() }),
  };
}
