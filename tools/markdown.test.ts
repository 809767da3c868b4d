import { describe, expect, it } from "vitest";
import { anchorsOf, linksOf, parseMarkdown } from "./markdown.ts";

describe("parseMarkdown", () => {
  it("gives a block its language, its place and the line before it", () => {
    const text = "# A\n\n<!-- not run: why -->\n\n```sh title=x\necho a\n\necho b\n```\nend";

    const { fences, prose } = parseMarkdown(text);

    expect(fences).toEqual([{ language: "sh", line: 5, code: "echo a\n\necho b", before: "<!-- not run: why -->" }]);
    expect(prose.at(-1)).toEqual({ text: "end", number: 10 });
  });

  it("does not take the line before one block for the line before the next", () => {
    const { fences } = parseMarkdown("<!-- a -->\n```sh\n1\n```\n\n```sh\n2\n```\n");

    expect(fences.map(({ before }) => before)).toEqual(["<!-- a -->", ""]);
  });

  it("takes the indent of a list from a block's lines, and keeps a shorter fence inside a longer one", () => {
    const { fences } = parseMarkdown("1. a\n   ~~~~sh\n   if x; then\n     ```\n   ~~~\n   fi\n   ~~~~\n");

    expect(fences[0]?.code).toBe("if x; then\n  ```\n~~~\nfi");
  });

  it("takes inline code in three backticks for prose", () => {
    const { fences } = parseMarkdown("```not a fence``` here\n");

    expect(fences).toEqual([]);
  });
});

describe("anchorsOf", () => {
  it("names headings as GitHub does", () => {
    const text = [
      "## 11. The make targets",
      "## What `kind` *means* — and [why](x.md)!",
      "Setext",
      "------",
      "## Twice",
      "## Twice",
      "```sh",
      "# not a heading",
      "```",
      '<a id="own"></a>',
    ].join("\n");

    const anchors = anchorsOf(text);

    expect([...anchors]).toEqual([
      "11-the-make-targets",
      "what-kind-means--and-why",
      "setext",
      "twice",
      "twice-1",
      "own",
    ]);
  });
});

describe("linksOf", () => {
  it("finds links in brackets, references and HTML, and none in code", () => {
    const text = [
      '[a](one.md) and ![b](two.png "Two") and [c](<three.md>) `[d](no.md)`',
      "[ref]: four.md#x",
      '<img src="five.png"> [e](six_(a).md)',
      "```",
      "[f](no.md)",
      "```",
    ].join("\n");

    const links = linksOf(text);

    expect(links.map(({ text: link, number }) => `${number} ${link}`)).toEqual([
      "1 one.md",
      "1 two.png",
      "1 three.md",
      "2 four.md#x",
      "3 six_(a).md",
      "3 five.png",
    ]);
  });
});
