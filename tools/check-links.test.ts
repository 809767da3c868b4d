import { mkdir, mkdtempDisposable, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { checkLinks } from "./check-links.ts";

async function findingsFor(readme: string): Promise<readonly string[]> {
  await using root = await mkdtempDisposable(join(tmpdir(), "links-"));
  await mkdir(join(root.path, "docs"));
  await writeFile(join(root.path, "README.md"), readme);
  await writeFile(join(root.path, "docs/a b.md"), "# Here\n[up](../README.md)\n");
  return (await checkLinks(root.path)).findings;
}

describe("checkLinks", () => {
  it.each([
    "[a](docs/a%20b.md#here)",
    "[a](docs)",
    "# Top\n[a](#top)",
    "[a](https://example.com/gone) [b](mailto:a@b.c)",
  ])("follows %s", async (readme) => {
    expect(await findingsFor(readme)).toEqual([]);
  });

  it.each([
    ["[a](docs/gone.md)", "leads nowhere"],
    ["[a](docs/a%20b.md#there)", "names an anchor that is not there"],
    ["[a](/docs)", "is not relative"],
    ["[a](../elsewhere.md)", "leaves the repository"],
  ])("refuses %s", async (readme, trouble) => {
    const link = /\((.*)\)/.exec(readme)?.[1];

    expect(await findingsFor(readme)).toEqual([`README.md:1: ${link} ${trouble}`]);
  });
});
