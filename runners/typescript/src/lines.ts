import { createIdFinder, type IdFinder, type MessageStub } from "./id-finder.ts";

export type LineLimits = {
  /** Longest line that is handed on. */
  readonly longestBytes: number;
  /** Longest line that is read at all. */
  readonly mostSkippedBytes: number;
};

export type LineListeners = {
  readonly onLine: (line: string) => void;
  /** A line was longer than is handed on. Nothing of it was kept but what `stub` says. */
  readonly onTooLong: (stub: MessageStub, bytes: number) => void;
  /** A line has no end. Nothing more is read. */
  readonly onEndless: (why: string) => void;
};

/** Cuts a stream of bytes into lines; the function returned takes the chunks. Holds no more than the longest line. */
export function createLines(
  { longestBytes, mostSkippedBytes }: LineLimits,
  on: LineListeners,
): (chunk: Buffer) => void {
  let pieces: Buffer[] = [];
  let bytes = 0;
  let skipped: IdFinder | undefined;
  let isOver = false;
  const take = (piece: Buffer): void => {
    bytes += piece.length;
    if (!skipped && bytes > longestBytes) {
      skipped = createIdFinder();
      for (const kept of pieces) skipped.push(kept);
      pieces = [];
    }
    if (skipped) skipped.push(piece);
    else pieces.push(piece);
    if (bytes <= mostSkippedBytes) return;
    isOver = true;
    on.onEndless(`it wrote a line of more than ${mostSkippedBytes} bytes`);
  };
  const finish = (): void => {
    const ended = { bytes, pieces, skipped };
    pieces = [];
    bytes = 0;
    skipped = undefined;
    if (ended.skipped) on.onTooLong(ended.skipped.found(), ended.bytes);
    else on.onLine(Buffer.concat(ended.pieces).toString("utf8"));
  };
  return (chunk) => {
    for (let rest = chunk; !isOver; ) {
      const end = rest.indexOf("\n");
      take(end < 0 ? rest : rest.subarray(0, end));
      if (isOver || end < 0) return;
      finish();
      rest = rest.subarray(end + 1);
    }
  };
}
