import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { ROOT } from "@stigmer/e2e/harness";
import { Finding } from "../harness/finding.ts";

const STIGMER = join(ROOT, "dist/bin/stigmer");
const LIMIT_MS = 10_000;

/** Gives a manifest to `stigmer validate`, which must say that it is fine or what is wrong, and nothing else. */
export function validateWithCli(bytes: Uint8Array, unreadable: boolean): void {
  const env = { PATH: process.env.PATH ?? "", HOME: "/nonexistent", STIGMER_HOME: "/nonexistent" };
  const { status, signal, stderr } = spawnSync(STIGMER, ["validate", "-f", "-"], {
    env,
    input: bytes,
    encoding: "utf8",
    timeout: LIMIT_MS,
  });
  const allowed = unreadable ? [2] : [0, 2];
  if (!allowed.includes(status ?? -1)) throw new Finding(`stigmer validate ends with ${status ?? signal}`, stderr);
  if (/^\s+at .*:\d+:\d+/m.test(stderr)) throw new Finding("stigmer validate shows a stack", stderr);
  if (status !== 0 && !stderr.startsWith("error: "))
    throw new Finding("stigmer validate refuses without a word", stderr);
}
