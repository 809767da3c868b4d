/** What is known of a message that is too large to be read. */
export type MessageStub = {
  /** Its `id`; absent where it has none. */
  readonly id: string | number | undefined;
  /** Whether it asks or tells something of its own, and is no answer. */
  readonly hasMethod: boolean;
};

/** Looks through the JSON of a message, however long, and keeps nothing of it but what pairs it with its request. */
export interface IdFinder {
  push(chunk: Buffer): void;
  found(): MessageStub;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_BRACE = 0x7b;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACE = 0x7d;
const CLOSE_BRACKET = 0x5d;
const LONGEST_TOKEN = 256;

export function createIdFinder(): IdFinder {
  let depth = 0;
  let isInString = false;
  let isEscaped = false;
  // The member of the outermost object that is being read: its name, and the beginning of what comes now.
  let name = "";
  let token = "";
  const members = new Map<string, string>();
  const endMember = (): void => {
    if (name === '"id"' || name === '"method"') members.set(name, token.trim());
    name = "";
    token = "";
  };
  const readOutside = (byte: number): void => {
    if (byte === OPEN_BRACE || byte === OPEN_BRACKET) depth++;
    else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) {
      if (depth === 1) endMember();
      depth--;
    } else if (depth !== 1) return;
    else if (byte === COMMA) endMember();
    else if (byte === COLON) {
      name = token.trim();
      token = "";
    } else if (token.length < LONGEST_TOKEN) token += String.fromCharCode(byte);
  };
  // Most of a large message is one text, so a string is left in one step. Returns where it ends, or the chunk does.
  const readString = (chunk: Buffer, from: number): number => {
    let end = chunk.indexOf(QUOTE, from);
    while (end >= 0 && isEscapedAt(chunk, { from, at: end })) end = chunk.indexOf(QUOTE, end + 1);
    const next = end < 0 ? chunk.length : end + 1;
    if (depth === 1) token += chunk.toString("latin1", from, Math.min(next, from + LONGEST_TOKEN));
    isInString = end < 0;
    isEscaped = isInString && isEscapedAt(chunk, { from, at: chunk.length });
    return next;
  };
  /** Whether an odd number of backslashes stands before a place within a string. */
  const isEscapedAt = (chunk: Buffer, { from, at }: { readonly from: number; readonly at: number }): boolean => {
    let first = at;
    while (first > from && chunk[first - 1] === BACKSLASH) first--;
    const carried = first === from && isEscaped ? 1 : 0;
    return (at - first + carried) % 2 === 1;
  };
  return {
    push(chunk) {
      for (let at = 0; at < chunk.length; ) {
        if (isInString) at = readString(chunk, at);
        else {
          const byte = chunk[at++] ?? 0;
          if (byte !== QUOTE) readOutside(byte);
          else {
            isInString = true;
            if (depth === 1) token += '"';
          }
        }
      }
    },
    found: () => ({ id: idOf(members.get('"id"')), hasMethod: members.has('"method"') }),
  };
}

function idOf(json: string | undefined): string | number | undefined {
  try {
    const value: unknown = JSON.parse(json ?? "");
    return typeof value === "string" || typeof value === "number" ? value : undefined;
  } catch {
    return undefined;
  }
}
