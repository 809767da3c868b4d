import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Killer } from "./mutant.ts";

/** What the killers said, by name. */
export type Findings = { readonly red: readonly string[]; readonly green: readonly string[] };

export type Running = {
  /** A copy of the sources. */
  readonly dir: string;
  /** Whatever has not ended by then is red. */
  readonly limitMs: number;
};

type TestKiller = Extract<Killer, { test: string }>;

const TEST_MS = 10_000;

/** Runs killers. Throws where one can't be run at all: that it is not green then says nothing of the mutant. */
export async function runKillers(running: Running, killers: readonly Killer[]): Promise<Findings> {
  const tests = killers.filter((one) => "test" in one);
  const counts = killers.flatMap((one) => ("worlds" in one ? [one.worlds] : []));
  const found = [
    ...(tests.length > 0 ? [await runTests(running, tests)] : []),
    ...(counts.length > 0 ? [await runWorlds(running, Math.max(...counts))] : []),
  ];
  return { red: found.flatMap(({ red }) => red), green: found.flatMap(({ green }) => green) };
}

export function nameOf(killer: Killer): string {
  return "worlds" in killer ? `${killer.worlds} worlds` : `${killer.test} > ${killer.named}`;
}

type Report = {
  readonly testResults: readonly {
    readonly name: string;
    readonly message?: string;
    readonly assertionResults: readonly { readonly fullName: string; readonly status: string }[];
  }[];
};

async function runTests(running: Running, killers: readonly TestKiller[]): Promise<Findings> {
  const file = join(running.dir, `report-${randomUUID()}.json`);
  const names = [...new Set(killers.map(({ named }) => named.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&")))].join("|");
  const { ended, output } = await run(running, [
    ...[join("node_modules", "vitest", "vitest.mjs"), "run", "--project=unit", `--testNamePattern=${names}`],
    ...["--reporter=json", `--outputFile=${file}`, `--testTimeout=${TEST_MS}`],
    ...new Set(killers.map(({ test }) => test)),
  ]);
  if (!ended) return { red: killers.map((one) => `${nameOf(one)} (no end in ${running.limitMs} ms)`), green: [] };
  const text = await readFile(file, "utf8").catch(() => undefined);
  await rm(file, { force: true });
  if (text === undefined) throw new Error(`the tests could not be run: ${output}`);
  return sorted(killers, JSON.parse(text) as Report);
}

function sorted(killers: readonly TestKiller[], { testResults }: Report): Findings {
  const red: string[] = [];
  const green: string[] = [];
  for (const killer of killers) {
    const file = testResults.find(({ name }) => name.endsWith(`/${killer.test}`));
    const results = file?.assertionResults.filter(({ fullName }) => fullName.includes(killer.named)) ?? [];
    if (results.some(({ status }) => status === "failed")) red.push(nameOf(killer));
    else if (results.some(({ status }) => status === "passed")) green.push(nameOf(killer));
    else throw new Error(`there is no test ${nameOf(killer)}, or it does not load: ${file?.message ?? "no such file"}`);
  }
  return { red, green };
}

async function runWorlds(running: Running, count: number): Promise<Findings> {
  const { ended, code, output } = await run(running, [join("test", "faults", "mutants", "worlds.ts"), String(count)]);
  if (!ended) return { red: [`${count} worlds (no end in ${running.limitMs} ms)`], green: [] };
  if (code !== 0) throw new Error(`the worlds could not be run: ${output}`);
  const verdicts = output.trim().split("\n");
  const { seed, broken } = JSON.parse(verdicts.at(-1) ?? "") as { readonly seed: number; readonly broken: string[] };
  return broken.length > 0
    ? { red: [`SEED=${seed}: ${broken[0]}`], green: [] }
    : { red: [], green: [`${count} worlds`] };
}

type Ran = { readonly ended: boolean; readonly code: number | null; readonly output: string };

function run({ dir, limitMs }: Running, args: readonly string[]): Promise<Ran> {
  const own = Object.entries(process.env).filter(([name]) => !/^(VITEST|STIGMER_|TEST$|NODE_ENV$)/.test(name));
  const child = spawn(process.execPath, args, { cwd: dir, env: { ...Object.fromEntries(own), NO_COLOR: "1" } });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (bytes) => (output += bytes));
  return new Promise((resolve, reject) => {
    let ended = true;
    const timer = setTimeout(() => {
      ended = false;
      child.kill("SIGKILL");
    }, limitMs);
    child.on("error", reject);
    child.on("close", (code) => {
      clearTimeout(timer);
      resolve({ ended, code, output });
    });
  });
}
