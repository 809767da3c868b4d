import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { paintFor } from "../output/paint.ts";
import { changeText } from "./change-text.ts";
import { fileChangeOf } from "./file-change.ts";

const PAINT = paintFor({ isTTY: false, columns: 80, write: async () => {} }, {});

describe("what a call does to a file", () => {
  it("is the difference to what stands there, for a whole content", async () => {
    const { shown } = await scene({ "a.md": "one\ntwo\n" });

    expect(await shown({ path: "a.md", content: "one\n2\n" })).toBe("    a.md +1 -1\n      one\n    - two\n    + 2\n");
  });

  it("is the difference that edits make, in their place", async () => {
    const { shown } = await scene({ "a.md": "one\ntwo\nthree\n" });

    const text = await shown({ path: "a.md", edits: [{ oldText: "two", newText: "2" }] });

    expect(text).toBe("    a.md +1 -1\n      one\n    - two\n    + 2\n      three\n");
  });

  it("is what edits say where they do not fit", async () => {
    const { shown } = await scene({ "a.md": "one\n" });
    const edits = [
      { oldText: "x", newText: "y" },
      { oldText: "p", newText: "q" },
    ];

    expect(await shown({ path: "a.md", edits })).toBe("    a.md +2 -2\n    - x\n    + y\n    ⋮\n    - p\n    + q\n");
  });

  it("says that a file is new", async () => {
    const { shown } = await scene({});

    expect(await shown({ path: "new.md", content: "a\n" })).toBe("    new.md (new) +1 -0\n    + a\n");
  });

  it.each([
    ["a path that leads out", "../secret"],
    ["an absolute path outside", "/etc/hostname"],
    ["a link that leads out", "link"],
    ["a folder that is a link that leads out", "away/secret"],
    ["a folder", "folder"],
    ["no text", "binary"],
    ["more than a MiB", "large"],
  ])("never reads %s", async (_, path) => {
    const { folder, shown } = await scene({ binary: Buffer.from([0xff, 0xfe]), large: "l\n".repeat(600_000) });
    await writeFile(join(folder, "..", "secret"), "the secret\n");
    await symlink("../secret", join(folder, "link"));
    await symlink("..", join(folder, "away"));
    await mkdir(join(folder, "folder"));

    expect(await shown({ path, content: "new\n" })).toBe(`    ${path} +1 -0\n    + new\n`);
  });

  it.each([
    ["no JSON", "{"],
    ["no path", JSON.stringify({ content: "a" })],
    ["a call that only looks", JSON.stringify({ path: "a", edits: [{ oldText: "a", newText: "b" }], dryRun: true })],
    ["edits of another form", JSON.stringify({ path: "a", edits: [{ from: "a" }] })],
    ["another call", JSON.stringify({ path: "a" })],
  ])("is nothing for %s", async (_, args) => {
    expect(await fileChangeOf(args, "")).toBeUndefined();
  });

  it("is shown so far as there is room, and can't draw on the terminal", async () => {
    const change = await fileChangeOf(JSON.stringify({ path: "\x1b[2Ja", content: "\x1b[1m\nb\nc\n" }), "");

    const text = change && changeText(change, { paint: PAINT, limit: 1 });

    expect(text).toBe("    \\x1b[2Ja +3 -0\n    + \\x1b[1m\n    … 2 more lines\n");
  });
});

async function scene(files: Readonly<Record<string, string | Buffer>>) {
  const temp = await mkdtemp(join(tmpdir(), "stigmer-change-"));
  onTestFinished(() => rm(temp, { recursive: true, force: true }));
  const folder = join(temp, "workspace");
  await mkdir(folder);
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
  const shown = async (args: object): Promise<string> => {
    const change = await fileChangeOf(JSON.stringify(args), folder);
    return change ? changeText(change, { paint: PAINT, limit: 40 }) : "";
  };
  return { folder, shown };
}
