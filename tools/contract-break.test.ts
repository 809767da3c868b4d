import { execFile } from "node:child_process";
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, expect, it } from "vitest";

const ROOT = join(import.meta.dirname, "..");
const SPEC = "apis/ai/stigmer/agentic/agent/v1/spec.proto";
const QUERY = "apis/ai/stigmer/agentic/agent/v1/query.proto";
const REASONS = "apis/ai/stigmer/commons/error/v1/reason.proto";
const LIMIT_MS = 15_000;
/** What `make verify-proto` runs; a test below holds it to that. */
const BREAKING = ["breaking", "apis", "--against", "apis/baseline.binpb"];

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "contract-break-"));
  for (const part of ["apis", ".gen/protos", "buf.yaml"])
    await cp(join(ROOT, part), join(folder, part), { recursive: true });
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** What stands before the agent's own description. */
const LINE = "choose between agents.\n  ";

it("lets the contract pass as it is", async () => {
  await expect(breaking()).resolves.toBe("");
});

it("lets an addition pass", async () => {
  await change(SPEC, `${LINE}string description = 2 `, `${LINE}string colour = 60;\n  string description = 2 `);

  await expect(breaking()).resolves.toBe("");
});

it.each([
  ["renamed", SPEC, `${LINE}string description = 2 `, `${LINE}string summary = 2 `],
  ["renumbered", SPEC, `${LINE}string description = 2 `, `${LINE}string description = 60 `],
  ["of another type", SPEC, "int32 max_turns = 5 ", "int64 max_turns = 5 "],
  ["a list instead of one", SPEC, "string instructions = 1 ", "repeated string instructions = 1 "],
])("refuses a field that is %s", async (_, file, before, after) => {
  await change(file, before, after);

  await expect(breaking()).rejects.toThrow(file);
});

it("refuses a method that answers with something else, and a reason that is gone", async () => {
  await change(QUERY, "returns (AgentList)", "returns (Agent)");
  await change(REASONS, "ERROR_REASON_STORE_LOCKED = 30", "ERROR_REASON_STORE_TAKEN = 30");

  const refused = await breaking().catch((cause: Error) => cause.message);

  expect(refused).toContain(QUERY);
  expect(refused).toContain(REASONS);
});

it("is part of make verify", async () => {
  const { MAKEFLAGS, MAKELEVEL, MFLAGS, ...env } = process.env;
  const options = { cwd: ROOT, env, timeout: LIMIT_MS };

  const { stdout } = await promisify(execFile)("make", ["--dry-run", "verify"], options);

  expect(stdout).toContain(`buf ${BREAKING.join(" ")}`);
});

/** Replaces what must be in the file exactly once. */
async function change(file: string, before: string, after: string): Promise<void> {
  const text = await readFile(join(folder, file), "utf8");
  expect(text.split(before)).toHaveLength(2);
  await writeFile(join(folder, file), text.replace(before, after));
}

/** Resolves to nothing where nothing breaks; rejects with what does. */
async function breaking(): Promise<string> {
  const buf = createRequire(import.meta.url).resolve("@bufbuild/buf/bin/buf");
  const run = promisify(execFile)(process.execPath, [buf, ...BREAKING], { cwd: folder, timeout: LIMIT_MS });
  return run.then(
    ({ stdout }) => stdout,
    (cause: Error & { readonly stdout: string }) => {
      throw new Error(cause.stdout || cause.message);
    },
  );
}
