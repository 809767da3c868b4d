import { chmod, mkdir, mkdtempDisposable, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { checkDocs } from "./check-docs.ts";

/** Starts a process that lives on, as the daemon does, and writes down its pid. */
const FAKE_CLI = `#!/bin/bash
set -m # a group of its own, which the end of the session does not reach
mkdir -p "$STIGMER_HOME/data"
case "$*" in
  "local start") sleep 60 >/dev/null 2>&1 & echo "{\\"pid\\": $!}" > "$STIGMER_HOME/data/daemon.json"; echo $! ;;
  "local stop") kill "$(tr -dc 0-9 < "$STIGMER_HOME/data/daemon.json")" ;;
  *) echo "stigmer $*" ;;
esac
`;

async function check(files: Readonly<Record<string, string>>): Promise<readonly string[]> {
  await using root = await mkdtempDisposable(join(tmpdir(), "docs-"));
  for (const [path, text] of Object.entries({ "dist/bin/stigmer": FAKE_CLI, ...files })) {
    await mkdir(dirname(join(root.path, path)), { recursive: true });
    await writeFile(join(root.path, path), text);
  }
  await chmod(join(root.path, "dist/bin/stigmer"), 0o755);
  return (await checkDocs(root.path)).findings;
}

describe("checkDocs", () => {
  it("passes where there is nothing to run", async () => {
    expect(await check({})).toEqual([]);
  });

  it("keeps the folder, exported variables and files from one block to the next", async () => {
    const first = "```sh\nexport NAME=notes\nmkdir made && cd made\n```\n";
    const second = '```sh\ntest "$(basename "$PWD")/$NAME" = made/notes\ntest -f ../README.md\n```\n';

    expect(await check({ "README.md": first, "docs/guide/a.md": second })).toEqual([]);
  });

  it("gives blocks a home and a port of their own, and none of our environment", async () => {
    const block =
      '```sh\ntest "$STIGMER_HOME" = "$HOME/.stigmer"\ntest "$STIGMER_PORT" -gt 1023\ntest -z "${VITEST-}"\n```\n';

    expect(await check({ "README.md": block })).toEqual([]);
  });

  it("sources the setup first", async () => {
    const files = {
      "tools/docs-setup.sh": "export MODEL=scripted\n",
      "README.md": '```sh\ntest "$MODEL" = scripted\n```\n',
    };

    expect(await check(files)).toEqual([]);
  });

  it("shows what failed and runs nothing after it", async () => {
    const text = "```sh\nstigmer version; false | true; echo no\n```\n```sh\ntouch never\n```\n";

    const [finding = ""] = await check({ "README.md": text });

    expect(finding).toContain("README.md:1: failed; 1 after it not run");
    expect(finding).toContain("stigmer version\n  exit code 1");
  });

  it("stops the daemon that a block started", async () => {
    await using seen = await mkdtempDisposable(join(tmpdir(), "docs-pid-"));
    const text = `\`\`\`sh\nstigmer local start > ${seen.path}/pid\n\`\`\`\n`;

    await check({ "README.md": text });

    const pid = Number(await readFile(join(seen.path, "pid"), "utf8"));
    expect(() => process.kill(pid, 0)).toThrow("ESRCH");
  });
});
