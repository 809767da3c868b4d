import { mkdir, mkdtempDisposable, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { thirdPartyNotices } from "./third-party-notices.ts";

const OURS = "packages/base/src/index.ts";
const THEIRS = "node_modules/.pnpm/lib@1.0.0/node_modules/@scope/lib";

async function noticesOf(manifest: object, files: Readonly<Record<string, string>>): Promise<string> {
  await using root = await mkdtempDisposable(join(tmpdir(), "notices-"));
  const all = {
    LICENSE: "APACHE TEXT",
    [OURS]: "// Copyright of ours\n",
    [`${THEIRS}/package.json`]: JSON.stringify({ name: "@scope/lib", version: "1.0.0", ...manifest }),
    [`${THEIRS}/index.js`]: "",
    ...Object.fromEntries(Object.entries(files).map(([path, text]) => [`${THEIRS}/${path}`, text])),
  };
  for (const [path, text] of Object.entries(all)) {
    await mkdir(dirname(join(root.path, path)), { recursive: true });
    await writeFile(join(root.path, path), text);
  }
  return await thirdPartyNotices(root.path, [OURS, `${THEIRS}/index.js`]);
}

describe("thirdPartyNotices", () => {
  it("prints the licence files of what was bundled, those of its own dependencies too", async () => {
    const files = { "LICENSE.md": "THEIR TEXT", "deps/inner/COPYING": "INNER TEXT" };

    const notices = await noticesOf({ license: "MIT" }, files);

    expect(notices).toMatch(/@scope\/lib 1\.0\.0, MIT\n\nTHEIR TEXT\n\nINNER TEXT\n/);
    expect(notices).toMatch(/APACHE TEXT\n$/);
    expect(notices).not.toContain("ours");
  });

  it("prints the copyright lines above bundled sources", async () => {
    const notices = await noticesOf(
      { license: "Apache-2.0" },
      { "index.js": "// Copyright 2026 They\n// All of it\nx()" },
    );

    expect(notices).toContain("which stands at the end.\n\nCopyright 2026 They\nAll of it\n");
  });

  it("writes out the MIT licence for a package that ships no file", async () => {
    const notices = await noticesOf({ license: "MIT", author: "Ada <a@b.c>" }, {});

    expect(notices).toContain("Copyright (c) Ada <a@b.c>\n\nPermission is hereby granted");
  });

  it.each([
    [{ license: "GPL-3.0-only" }, 'its licence is "GPL-3.0-only"'],
    [{}, 'its licence is ""'],
    [{ license: "(MIT OR SSPL-1.0)" }, 'its licence is "(MIT OR SSPL-1.0)"'],
    [{ license: "BSD-3-Clause" }, "ships no text of its licence, BSD-3-Clause"],
  ])("refuses %j", async (manifest, trouble) => {
    await expect(noticesOf(manifest, {})).rejects.toThrow(trouble);
  });
});
