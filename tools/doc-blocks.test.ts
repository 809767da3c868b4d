import { describe, expect, it } from "vitest";
import { docBlocksOf } from "./doc-blocks.ts";

describe("docBlocksOf", () => {
  it("takes shell blocks and leaves others alone", () => {
    const text = "```sh\nmake\n```\n```console\n$ make\n```\n```yaml\na: 1\n```\n";

    const { blocks, findings } = docBlocksOf("README.md", text);

    expect({ blocks, findings }).toEqual({ blocks: [{ place: "README.md:1", code: "make" }], findings: [] });
  });

  it("exempts a block for a reason", () => {
    const { blocks } = docBlocksOf("a.md", "<!-- not run: needs a key of OpenAI -->\n\n```bash\nexport KEY=1\n```\n");

    expect(blocks).toEqual([{ place: "a.md:3", code: "export KEY=1", exempt: "needs a key of OpenAI" }]);
  });

  it.each([
    ["<!-- not run -->\n```sh\nx\n```", "a.md:2: the block is not run and nothing says why"],
    ["```\nx\n```", "a.md:1: the block names no language; sh is run, console and text are not"],
    ["<!-- not run: long -->\n```text\nx\n```", "a.md:2: a block in text is not run anyway"],
  ])("refuses %j", (text, finding) => {
    expect(docBlocksOf("a.md", text).findings).toEqual([finding]);
  });
});
