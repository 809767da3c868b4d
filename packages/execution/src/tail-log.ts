import type { SubscribeResponse } from "@stigmer/contracts/agentic";
import type { SentEntry } from "./journal-page.ts";

/** How far a reader is in the text of a call. */
export type TextPlace = { readonly stepKey: string; readonly stream: string; readonly offset: number };

/** Messages that all followers get, encoded once: nobody may change the list. */
export type Piece = {
  readonly responses: readonly SubscribeResponse[];
  /** The entries that they are; none where they are text. */
  readonly entries: readonly SentEntry[];
  /** Where a reader is in a call's text after them; undefined where they are entries. */
  readonly place: TextPlace | undefined;
};

/** A piece, and the bytes that the log had been given with it. */
export type LoggedPiece = Piece & { readonly until: number };

/** One who takes what is added to a log from some moment on. */
export interface Follower extends Disposable {
  /** Pieces are kept for it from here on. */
  begin(): void;
  /** The next piece; undefined where there is none, or where it has not begun or has fallen out. */
  take(): LoggedPiece | undefined;
  /** Whether it has begun and all that came since is kept for it. One who is too far behind falls out, and may begin again. */
  isFollowing(): boolean;
  /** Resolves when something was added after this call, or at `wake`. */
  changed(): Promise<void>;
  wake(): void;
}

/** The newest pieces, as long as there is a follower who has not taken them. */
export interface TailLog {
  add(piece: Piece, bytes: number): void;
  /** Bytes that were added, ever. */
  written(): number;
  /** Tells the followers. */
  wake(): void;
  follow(): Follower;
}

/** So much is kept for those who are behind; it is kept once, for all of them. */
const MAX_KEPT_BYTES = 1024 * 1024;
const MAX_KEPT_PIECES = 1024;

type Reading = { at: number | undefined; wake: (() => void) | undefined };

export function createTailLog(): TailLog {
  const readings = new Set<Reading>();
  let pieces: LoggedPiece[] = [];
  let base = 0;
  let written = 0;

  const end = (): number => base + pieces.length;
  /** Drops what everybody has taken. */
  function trim(): void {
    let first = end();
    for (const { at } of readings) if (at !== undefined && at < first) first = at;
    drop(first - base);
  }
  function drop(count: number): void {
    if (count <= 0) return;
    pieces = pieces.slice(count);
    base += count;
    for (const reading of readings) if (reading.at !== undefined && reading.at < base) reading.at = undefined;
  }
  function keepWithin(): void {
    let count = Math.max(0, pieces.length - MAX_KEPT_PIECES);
    while (count < pieces.length - 1 && written - (pieces[count]?.until ?? 0) > MAX_KEPT_BYTES) count++;
    drop(count);
  }

  return {
    add(piece, bytes) {
      trim();
      written += bytes;
      pieces.push({ ...piece, until: written });
      keepWithin();
    },
    written: () => written,
    wake() {
      for (const { wake } of readings) wake?.();
    },
    follow() {
      const reading: Reading = { at: undefined, wake: undefined };
      readings.add(reading);
      return {
        begin() {
          reading.at = end();
        },
        take() {
          if (reading.at === undefined) return undefined;
          const piece = pieces[reading.at - base];
          if (piece) reading.at++;
          return piece;
        },
        isFollowing: () => reading.at !== undefined,
        changed: () =>
          new Promise((resolve) => {
            reading.wake = () => {
              reading.wake = undefined;
              resolve();
            };
          }),
        wake: () => reading.wake?.(),
        [Symbol.dispose]: () => void readings.delete(reading),
      };
    },
  };
}
