import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { AgentQueryController, McpServerQueryController, SessionQueryController } from "@stigmer/contracts/agentic";
import { ROOT, startDaemon, type TestDaemon } from "@stigmer/e2e/harness";
import { afterAll, describe, expect, it } from "vitest";
import { readBundled, readBundledFolder } from "./src/bundled-files.ts";
import { conformanceSuite, parseClaims, parseExamples, parseKnownFailures } from "./src/suite.ts";

const { STIGMER_URL, CLAIMS } = process.env;
const HERE = import.meta.dirname;
const MINIMUM = 300;

const daemon: (TestDaemon & AsyncDisposable) | undefined = STIGMER_URL ? undefined : await startDaemon();
const url = STIGMER_URL ?? daemon?.url ?? "";
const suite = conformanceSuite({
  url,
  claims: parseClaims(readFileSync(claimsFile(CLAIMS ?? "local.yaml"), "utf8")),
  examples: parseExamples(readBundledFolder("examples/resources")),
  knownFailures: parseKnownFailures(readBundled("test/conformance/known-failures.yaml")),
});

afterAll(async () => {
  await suite[Symbol.asyncDispose]();
  await daemon?.[Symbol.asyncDispose]();
});

describe.concurrent("a backend", () => {
  for (const { name, run } of suite.runs) it(name, run);
});

it(`is asked at least ${MINIMUM} things`, () => {
  expect(new Set(suite.runs.map(({ body }) => body)).size).toBeGreaterThanOrEqual(MINIMUM);
});

it("is checked by the program that is built, with nothing but its URL", async () => {
  const program = join(ROOT, "dist/lib/conformance.mjs");

  const { stdout } = await promisify(execFile)(process.execPath, [program, "--url", url, "--only", "Agent: create"]);

  const lines = stdout.trimEnd().split("\n");
  expect(lines.at(-1)).toMatch(/^[1-9]\d* passed, 0 failed$/);
  expect(lines.slice(0, -1).every((line) => line.startsWith("ok "))).toBe(true);
});

it("leaves nothing behind, not even what is deleted", async () => {
  if (!daemon) return; // a backend that runs for others may hold what others make
  await suite[Symbol.asyncDispose]();

  const body = JSON.stringify({ labelSelector: "conformance", showDeleted: true });
  const headers = { "content-type": "application/json" };
  const left = await Promise.all(
    [AgentQueryController, McpServerQueryController, SessionQueryController].map(async ({ typeName }) => {
      const answer = await fetch(`${url}/${typeName}/list`, { method: "POST", headers, body });
      const { items = [] }: { readonly items?: readonly unknown[] } = JSON.parse(await answer.text());
      return items;
    }),
  );

  expect(left.flat()).toEqual([]);
});

/** A path, or the name of one of the suite's own files. */
function claimsFile(named: string): string {
  return named.includes("/") ? join(ROOT, named) : join(HERE, "claims", named);
}
