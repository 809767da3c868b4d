import { describe, expect, it } from "vitest";
import { paintFor } from "../output/paint.ts";
import type { Layout } from "./layout.ts";
import { createMarkdownStream, markdownLines } from "./stream.ts";

const sink = { isTTY: true, columns: 80, write: async () => {} };
const plain: Layout = { width: 40, paint: paintFor(sink, { NO_COLOR: "1" }), keepMarks: true };
const coloured: Layout = { width: 40, paint: paintFor(sink, {}), keepMarks: false };

const TEXT = `# Title

Some **bold** text, *slanted*, with \`code\` and a [link](http://x.example/) in a paragraph that wraps.

1. one
1. two
   - inside
1. three

- [x] done
- [ ] open

> said by another

| name | count |
|:-----|------:|
| a    | 1     |
| long one | 20 |

\`\`\`ts
const a = 1;

\tb();
\`\`\`

---
end
`;

const LAID_OUT = [
  ...["# Title", ""],
  ...["Some **bold** text, *slanted*, with", "`code` and a link (http://x.example/) in", "a paragraph that wraps.", ""],
  ...["1. one", "2. two", "   • inside", "3. three", ""],
  ...["• [x] done", "• [ ] open", ""],
  ...["▌ said by another", ""],
  ...["name      count", "────────  ─────", "a             1", "long one     20", ""],
  ...["╭─ ts", "│ const a = 1;", "│ ", "│   b();", "╰─", ""],
  ...["────────────────────────────────────────", "", "end"],
];

describe("Markdown on a terminal", () => {
  it("is laid out in headings, lists, tables, quotes and code between borders", () => {
    expect(markdownLines(TEXT, plain)).toEqual(LAID_OUT);
  });

  it.each([1, 2, 3, 7, 50])("comes to the same in pieces of %i characters", (size) => {
    const stream = createMarkdownStream();
    const lines: string[] = [];
    for (let at = 0; at < TEXT.length; at += size) lines.push(...stream.add(TEXT.slice(at, at + size), plain).done);
    lines.push(...stream.end(plain).done);

    expect(lines).toEqual(LAID_OUT);
  });

  it("says emphasis by style where there is colour, and by its marks where there is none", () => {
    const [painted, marked] = [coloured, plain].map((layout) => markdownLines("**a** *b* ~~c~~ `d`", layout).join());

    expect(painted).toBe("\x1b[1ma\x1b[22m \x1b[3mb\x1b[23m \x1b[9mc\x1b[29m \x1b[36md\x1b[39m");
    expect(marked).toBe("**a** *b* ~~c~~ `d`");
  });

  it("always says where a link leads", () => {
    expect(markdownLines("[your bank](https://evil.example/) <https://b.example>", { ...plain, width: 80 })).toEqual([
      "your bank (https://evil.example/) https://b.example",
    ]);
  });

  it("does not let characters that entities name move a cursor", () => {
    const text = "a&#27;[2J &lt;b&gt; \u202e `\x1b[1m` [x](\x07)\n\n```\x1b[1m\n\x1b[1m\n```\n\n| \x1b |\n|---|\n";

    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not come through
    expect(markdownLines(text, plain).join("")).not.toMatch(/[\x00-\x1f\x7f\u202e]/);
  });

  it("is no wider than its layout, whatever is in it", () => {
    const long = "x".repeat(100);
    const wide = "漢".repeat(30);
    const text = `${long} ${wide}\n\n- ${long}\n\n> ${wide}\n\n\`\`\`\n${long}\n\`\`\`\n\n|a|b|\n|-|-|\n|${long}|${long}|\n`;
    const width = (line: string): number => [...line].reduce((sum, one) => sum + (one === "漢" ? 2 : 1), 0);

    expect(markdownLines(text, plain).filter((line) => width(line) > plain.width)).toEqual([]);
  });
});

describe("Markdown that comes in pieces", () => {
  it("finishes blocks as the next one begins, and keeps only the last one open", () => {
    const stream = createMarkdownStream();

    const first = stream.add("One\n\nTw", plain);
    const second = stream.add("o\n\n- a\n- b", plain);

    expect([first, second]).toEqual([
      { done: ["One"], open: ["", "Tw"] },
      { done: ["", "Two", "", "• a"], open: ["• b"] },
    ]);
  });

  it("finishes lines of code as they end", () => {
    const stream = createMarkdownStream();

    const drawn = [stream.add("```sh\nls -", plain), stream.add("l\necho", plain), stream.add(" hi\n``", plain)];

    expect(drawn).toEqual([
      { done: ["╭─ sh"], open: ["│ ls -"] },
      { done: ["│ ls -l"], open: ["│ echo"] },
      { done: ["│ echo hi"], open: [] },
    ]);
  });

  it("closes what is open at the end, and begins anew", () => {
    const stream = createMarkdownStream();
    stream.add("```\ncode", plain);

    const ended = stream.end(plain);
    const next = stream.add("text", plain);

    expect([ended.done, next.open]).toEqual([["│ code", "╰─"], ["text"]]);
  });

  it("takes a block that is too large in parts, and loses nothing of it", () => {
    const words = Array.from({ length: 2000 }, (_, at) => `word${at}`);
    const stream = createMarkdownStream();
    const lines: string[] = [];
    for (const word of words) lines.push(...stream.add(`${word}\n`, plain).done);
    const before = lines.length;
    lines.push(...stream.end(plain).done);

    expect(before).toBeGreaterThan(0);
    expect(lines.join(" ").split(/\s+/).filter(Boolean)).toEqual(words);
  });

  it.each(["> ", "- > ", "1. > ", "* ", "((", "**a ", "[a](", "|"])(
    "is read in bounded time where it is many %j",
    (piece) => {
      const stream = createMarkdownStream();
      const text = piece.repeat(16_000 / piece.length);
      const started = performance.now();

      for (let at = 0; at < text.length; at += 500) stream.add(text.slice(at, at + 500), plain);
      stream.end(plain);

      expect(performance.now() - started).toBeLessThan(10_000);
    },
  );
});
