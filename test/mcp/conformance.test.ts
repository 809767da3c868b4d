import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { BASELINE, type Case, readInclude } from "./include.ts";

const RUNNER = fileURLToPath(import.meta.resolve("@modelcontextprotocol/conformance/dist/index.js"));
const CLIENT = fileURLToPath(new URL("client.ts", import.meta.url));
const TIMEOUT_MS = 45_000;

const { cases, leftOut } = readInclude();
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "stigmer-mcp-"));
});

afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

/** What the runner says, whether or not it is content. */
async function run(args: readonly string[]): Promise<{ readonly code: number; readonly output: string }> {
  const options = {
    cwd: folder,
    timeout: 2 * TIMEOUT_MS,
    maxBuffer: 64 * 1024 * 1024,
    env: { ...process.env, NO_COLOR: "1" },
  };
  const ended = await promisify(execFile)(process.execPath, [RUNNER, ...args], options).then(
    ({ stdout, stderr }) => ({ code: 0, output: stdout + stderr }),
    ({ code, stdout, stderr }) => ({ code: Number(code ?? -1), output: `${stdout}${stderr}` }),
  );
  return ended;
}

function play({ scenario, revision }: Case): Promise<{ readonly code: number; readonly output: string }> {
  const command = `"${process.execPath}" "${CLIENT}"`;
  return run([
    ...["client", "--command", command, "--scenario", scenario, "--spec-version", revision],
    ...["--expected-failures", BASELINE, "--timeout", String(TIMEOUT_MS)],
  ]);
}

describe("the conformance runner", () => {
  it("has no scenario for clients that is neither included nor left out with a reason", async () => {
    const { output } = await run(["list", "--client"]);

    const listed = [...output.matchAll(/^ *- (\S+) \[([^\]]+)\]$/gm)].flatMap(([, scenario = "", revisions = ""]) =>
      leftOut.has(scenario) ? [] : revisions.split(",").map((revision) => `${scenario} ${revision}`),
    );
    const left = [...leftOut.keys()].filter((scenario) => !output.includes(`- ${scenario} [`));
    expect(listed.sort()).toEqual(cases.map(({ scenario, revision }) => `${scenario} ${revision}`).sort());
    expect(left).toEqual([]);
  });

  it("knows of no failure that is put up with", async () => {
    expect(await readFile(BASELINE, "utf8")).toMatch(/^client: \[\]$/m);
  });
});

describe.concurrent("the host of MCP servers", () => {
  it.each(cases)("conforms in $scenario of $revision", async (one) => {
    const { code, output } = await play(one);

    expect(output).toMatch(/Passed: (\d+)\/\1, 0 failed, 0 warnings/);
    expect([code, output]).toEqual([0, expect.stringContaining("OVERALL: PASSED")]);
  });
});
