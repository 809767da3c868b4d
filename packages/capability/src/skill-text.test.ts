import { expect, it } from "vitest";
import { decoded, withoutFrontMatter } from "./skill-text.ts";

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

it.each([
  ["---\nname: a\n---\n\n# Body\n---\nmore", "# Body\n---\nmore"],
  ["---\r\nname: a\r\n---\r\nbody", "body"],
  ["\uFEFF---\nname: a\n---", ""],
])("takes the front matter from %j", (text, body) => {
  expect(new TextDecoder().decode(withoutFrontMatter(bytesOf(text)))).toBe(body);
});

it("gives a text whole, whatever the pieces in which it is read", () => {
  const text = "a€😀éz".repeat(3);
  const bytes = bytesOf(text);
  for (let length = 4; length <= bytes.length; length++) {
    let read = "";
    for (let offset = 0; offset < bytes.length; ) {
      const piece = bytes.subarray(offset, offset + length);
      const part = decoded(piece, { isStart: offset === 0, isEnd: offset + piece.length === bytes.length });
      if (!part) throw new Error(`no text from byte ${offset}`);
      read += part.text;
      offset += part.end;
    }
    expect(read).toBe(text);
  }
});

it("begins with the next whole character where it is asked to begin within one", () => {
  const bytes = bytesOf("😀b");

  for (const offset of [1, 2, 3])
    expect(decoded(bytes.subarray(offset), { isStart: false, isEnd: true })?.text).toBe("b");
});

it.each([
  ["a byte that is no UTF-8", [0x61, 0xff, 0x61]],
  ["a zero", [0x61, 0, 0x61]],
  ["a cut character at the very end", [0x61, 0xe2, 0x82]],
  ["a continuation at the very start", [0x82, 0x61]],
])("takes bytes with %s for no text", (_, bytes) => {
  expect(decoded(Uint8Array.from(bytes), { isStart: true, isEnd: true })).toBeUndefined();
});
