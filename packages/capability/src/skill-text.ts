const HEAD = /^\uFEFF?---[ \t]*\r?\n[\s\S]*?\r?\n---[ \t]*(?:\r?\n|$)/;

/** A `SKILL.md` without its front matter. */
export function withoutFrontMatter(bytes: Uint8Array): Uint8Array {
  const text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
  return new TextEncoder().encode(text.replace(HEAD, "").trimStart());
}

/**
 * The text of some of a file's bytes, without the parts of characters that they are cut through, and where among the bytes
 * it ends; undefined where the bytes are no UTF-8 text.
 */
export function decoded(
  bytes: Uint8Array,
  { isStart, isEnd }: { readonly isStart: boolean; readonly isEnd: boolean },
): { readonly text: string; readonly end: number } | undefined {
  if (bytes.includes(0)) return undefined;
  const begin = isStart
    ? 0
    : Math.max(
        0,
        bytes.subarray(0, 4).findIndex((byte) => !isInside(byte)),
      );
  const end = isEnd ? bytes.length : lastWhole(bytes);
  try {
    return { text: new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(begin, end)), end };
  } catch {
    return undefined;
  }
}

/** Whether a byte continues a character. */
function isInside(byte: number): boolean {
  return (byte & 0xc0) === 0x80;
}

/** Where the last whole character ends. */
function lastWhole(bytes: Uint8Array): number {
  for (let at = bytes.length - 1; at >= Math.max(0, bytes.length - 4); at--) {
    const byte = bytes[at] ?? 0;
    if (!isInside(byte)) return at + lengthOf(byte) <= bytes.length ? bytes.length : at;
  }
  return bytes.length;
}

/** Bytes of the character that begins with this one. */
function lengthOf(byte: number): number {
  if (byte < 0x80) return 1;
  if (byte < 0xe0) return 2;
  return byte < 0xf0 ? 3 : 4;
}
