const NAMED: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };

/** Controls of C0 and C1, DEL, and what reorders text or hides in it: bidi controls, separators, invisible characters. */
const UNSAFE = /[\p{Cc}\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb\u{e0000}-\u{e007f}]/gu;
/** A joiner between letters or emoji is part of how they are written; it moves no cursor. */
const JOINER = "\u200d";

/** Text on one line that moves no cursor and rings no bell: each control character stands as its escape. */
export function printableLine(text: string): string {
  return text.replace(UNSAFE, (character) => (character === JOINER ? character : escaped(character)));
}

/** The same for text of many lines: line ends and tabs stay. */
export function printableText(text: string): string {
  return text.replace(/\r\n/g, "\n").replace(UNSAFE, (character) => {
    if (character === "\n" || character === "\t" || character === JOINER) return character;
    return escaped(character);
  });
}

/** Text of JSON, in which unsafe characters stand in strings only, with these as JSON's escapes: it says the same. */
export function printableJson(json: string): string {
  return json.replace(UNSAFE, (character) => {
    if (character === "\n" || character === JOINER) return character;
    return [...Array(character.length).keys()].map((at) => `\\u${hexOf(character.charCodeAt(at), 4)}`).join("");
  });
}

/** Whether text holds a character that `printableJson` would escape. */
export function isPrintable(text: string): boolean {
  return printableLine(text) === text;
}

/** One line of at most `length` characters, the rest replaced by an ellipsis. */
export function shortLine(text: string, length: number): string {
  // Nothing far past the bound is looked at; a character is two code units at most, so no pair that is shown is cut.
  const start = text.slice(0, 2 * length + 2);
  const characters = [...printableLine(start.trim())];
  const whole = start.length === text.length && characters.length <= length;
  return whole ? characters.join("") : `${characters.slice(0, Math.max(0, length - 1)).join("")}…`;
}

function escaped(character: string): string {
  const named = NAMED[character];
  if (named) return named;
  const code = character.codePointAt(0) ?? 0;
  if (code < 0x100) return `\\x${hexOf(code, 2)}`;
  return code < 0x10000 ? `\\u${hexOf(code, 4)}` : `\\u{${hexOf(code, 5)}}`;
}

function hexOf(code: number, digits: number): string {
  return code.toString(16).padStart(digits, "0");
}
