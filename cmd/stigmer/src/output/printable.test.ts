import { describe, expect, it } from "vitest";
import { printableJson, printableLine, printableText, shortLine } from "./printable.ts";
import { formatJson } from "./structured.ts";
import { formatYaml } from "./yaml.ts";

describe("text on a terminal", () => {
  it.each([
    ["an escape sequence", "\x1b[2Jgone", "\\x1b[2Jgone"],
    ["a bell and a backspace", "\x07\b", "\\x07\\x08"],
    ["the one-byte form of an escape sequence", "\u009b2J", "\\x9b2J"],
    ["a carriage return that would overwrite the line", "safe\rrm -rf", "safe\\rrm -rf"],
    ["text that runs the other way", "a\u202eb\u2066c", "a\\u202eb\\u2066c"],
    ["what nobody sees", "a\u200bb\ufeffc\u{e0041}", "a\\u200bb\\ufeffc\\u{e0041}"],
  ])("shows %s as an escape", (_, text, expected) => {
    expect([printableText(text), printableLine(text)]).toEqual([expected, expected]);
  });

  it("keeps lines and tabs in text, and escapes them on a line", () => {
    const text = "a\tb\r\nc\n";

    expect([printableText(text), printableLine(text)]).toEqual(["a\tb\nc\n", "a\\tb\\r\\nc\\n"]);
  });

  it("keeps letters and signs of every script", () => {
    const text = "Grüße, 你好, 👩‍💻, é";

    expect(printableLine(text)).toBe(text);
  });
});

describe("a short line", () => {
  it.each([
    ["abc", 3, "abc"],
    ["abcd", 3, "ab…"],
    ["👩👩👩👩", 3, "👩👩…"],
    ["a\nb", 10, "a\\nb"],
    ["  a  ", 10, "a"],
    ["x".repeat(1_000_000), 3, "xx…"],
  ])("of %j in %i characters is %j", (text, length, expected) => {
    expect(shortLine(text, length)).toBe(expected);
  });
});

describe("structured output", () => {
  const value = { a: "\x1b[2J\u009b\u202e\u{e0041}", "k\x7f": "line\nline", plain: "text", number: "42" };

  it("says the same as JSON without unsafe characters", () => {
    const json = formatJson(value);

    expect(JSON.parse(json)).toEqual(value);
    expect(json).toBe(printableJson(json));
  });

  it("says the same as YAML without unsafe characters", async () => {
    const { parse } = await import("yaml");

    const yaml = formatYaml(value);

    expect(parse(yaml)).toEqual(value);
    expect(yaml).toBe(printableJson(yaml));
  });
});
