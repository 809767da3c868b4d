import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, it } from "vitest";
import { ROOT } from "./harness.ts";

const LIMIT_MS = 120_000;

it("goes as docs/guide/story.md tells it", { timeout: LIMIT_MS }, async () => {
  const script = [join(ROOT, "tools/record-story.ts"), "--check"];

  const played = await promisify(execFile)(process.execPath, script, { timeout: LIMIT_MS }).catch((failed) => failed);

  expect(`${played.stderr}`.replaceAll(/^not played: .*\n/gm, "")).toBe("");
  expect(played.code).toBeUndefined();
});
