import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { hasPseudoTerminals } from "@stigmer/standins/pseudo-terminal";
import { expect, it } from "vitest";
import { ROOT } from "./harness.ts";

const LIMIT_MS = 180_000;

// A pseudo-terminal takes python3, which CI has.
it.skipIf(!hasPseudoTerminals())("goes as docs/guide/newcomer.md tells it", { timeout: LIMIT_MS }, async () => {
  const script = [join(ROOT, "tools/record-newcomer.ts"), "--check"];

  const played = await promisify(execFile)(process.execPath, script, { timeout: LIMIT_MS }).catch((failed) => failed);

  expect(`${played.stderr}`.replaceAll(/^not played: .*\n/gm, "")).toBe("");
  expect(played.code).toBeUndefined();
});
