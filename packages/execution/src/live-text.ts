import { randomBytes } from "node:crypto";
import type { RedactedStream } from "@stigmer/base";

/** Text from a byte offset on; `end` is the offset of the byte after it. */
export type TextPiece = { readonly offset: number; readonly end: number; readonly text: string };

/** A growing text that is read by byte offset. No piece of it splits a character. */
export interface LiveText {
  /** Names this try of this call in this process; another name voids the text so far. */
  stream(): string;
  length(): number;
  /** At most `limit` bytes, 4 at least, from an offset on; one inside a character is moved back to its beginning. */
  piece(offset: number, limit?: number): TextPiece;
  /** Adds text. Where there is no room for it the text ends there: the entry that closes the call has the whole. */
  append(text: string): void;
  /** Voids the text: it begins anew under another name. */
  restart(): void;
  /** The text is whole: what was held back, because it could have been the beginning of a secret, is shown. */
  settle(): void;
}

/** Memory for the texts of all open calls. */
export type TextRoom = {
  /** Takes so many bytes, where they are free. */
  take(bytes: number): boolean;
  give(bytes: number): void;
};

/** Longest text of one call. */
const MAX_TEXT_BYTES = 8 * 1024 * 1024;
const FIRST_BYTES = 1024;
/** Most that one piece holds unless told: a message is far below what the backend sends. */
const PIECE_BYTES = 64 * 1024;

export function createTextRoom(bytes: number): TextRoom {
  let free = bytes;
  return {
    take(more) {
      if (more > free) return false;
      free -= more;
      return true;
    },
    give(less) {
      free += less;
    },
  };
}

export type LiveTextOptions = {
  readonly room: TextRoom;
  /** Told of every change. */
  readonly changed: () => void;
  /** Masks a text that comes in pieces. */
  readonly mask: () => RedactedStream;
};

/** With `close` the memory goes back, and no text is left. */
export function createLiveText({ room, changed, mask }: LiveTextOptions): LiveText & { close(): void } {
  let masking = mask();
  let bytes = Buffer.alloc(0);
  let stream = newName();
  let length = 0;
  let held = "";
  let isFull = false;

  /** Makes place for so many bytes in all; false where there is none. */
  function grow(needed: number): boolean {
    if (needed <= bytes.length) return true;
    if (needed > MAX_TEXT_BYTES) return false;
    const size = Math.min(MAX_TEXT_BYTES, Math.max(FIRST_BYTES, 2 * needed));
    if (!room.take(size - bytes.length)) return false;
    const grown = Buffer.allocUnsafeSlow(size);
    bytes.copy(grown, 0, 0, length);
    bytes = grown;
    return true;
  }

  return {
    stream: () => stream,
    length: () => length,
    piece(offset, limit = PIECE_BYTES) {
      const start = characterAt(bytes, Math.min(offset, length), length);
      const end = characterAt(bytes, Math.min(start + limit, length), length);
      return { offset: start, end, text: bytes.toString("utf8", start, end) };
    },
    append: (text) => show(masking.push(text)),
    settle: () => show(masking.end()),
    restart() {
      masking = mask();
      stream = newName();
      length = 0;
      held = "";
      isFull = false;
      changed();
    },
    close() {
      room.give(bytes.length);
      bytes = Buffer.alloc(0);
      length = 0;
      isFull = true;
    },
  };

  function show(text: string): void {
    const whole = held + text;
    // Half of a pair waits for the other: alone it is no character, and the two together are one.
    held = isHighSurrogate(whole.charCodeAt(whole.length - 1)) ? whole.slice(-1) : "";
    const more = Buffer.from(held ? whole.slice(0, -1) : whole, "utf8");
    if (isFull || more.length === 0) return;
    isFull = !grow(length + more.length);
    if (isFull) return;
    more.copy(bytes, length);
    length += more.length;
    changed();
  }
}

function newName(): string {
  return randomBytes(9).toString("base64url");
}

function isHighSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdbff;
}

/** The offset itself, or the beginning of the character that it is inside of. */
function characterAt(bytes: Buffer, offset: number, length: number): number {
  if (offset >= length) return length;
  let start = offset;
  while (start > 0 && ((bytes[start] ?? 0) & 0xc0) === 0x80) start--;
  return start;
}
