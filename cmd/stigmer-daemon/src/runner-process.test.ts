import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { startTimeOf } from "./processes.ts";
import { type RunnerOptions, superviseRunner } from "./runner-process.ts";

type Line = { readonly message: string; readonly fields: Readonly<Record<string, unknown>> };

const SLEEPS = "process.stdout.write('up\\n'); setInterval(() => {}, 1e6);";
const ENDPOINT = "http://127.0.0.1:1";

let dir: string;
let lines: Line[];
let news: (() => void)[];
let supervised: { stop(graceMs: number): Promise<void> }[];

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "stigmer-runner-"));
  [lines, news, supervised] = [[], [], []];
});
afterEach(async () => {
  for (const runner of supervised) await runner.stop(0);
  rmSync(dir, { recursive: true, force: true });
});

it("starts the runner with what it needs of the environment, and no more", async () => {
  const runner = supervise("console.log(JSON.stringify(process.env)); process.exit(0)", {
    env: {
      PATH: "/bin",
      HOME: "/home/me",
      LC_ALL: "C",
      NODE_COMPILE_CACHE: "/home/me/c",
      OPENAI_API_KEY: "secret",
      NODE_OPTIONS: "--require evil",
    },
  });

  runner.start();
  await logged("runner ended");

  const env = JSON.parse(readFileSync(join(dir, "runner.log"), "utf8"));
  expect(env).toEqual({
    ...{ PATH: "/bin", HOME: "/home/me", LC_ALL: "C", NODE_COMPILE_CACHE: "/home/me/c" },
    ...{ STIGMER_ENDPOINT: ENDPOINT, STIGMER_RUNNER_NAME: "local", STIGMER_RUNNER_SLOTS: "4" },
    STIGMER_RUNNER_INSTANCE: expect.stringMatching(/^[0-9a-f-]{36}$/),
  });
});

it("starts another when the runner is killed, and says which one has ended", async () => {
  const ended: string[] = [];
  const runner = supervise(SLEEPS, { onExit: (instance) => ended.push(instance) });
  runner.start();
  const first = await logged("runner started");

  process.kill(Number(first.runnerPid), "SIGKILL");
  const second = await logged("runner started", 2);

  expect(ended).toEqual([first.instance]);
  expect(second.instance).not.toBe(first.instance);
  expect(startTimeOf(Number(first.runnerPid))).toBeUndefined();
  expect(JSON.parse(readFileSync(join(dir, "runner.json"), "utf8"))).toMatchObject({ pid: second.runnerPid });
});

it("waits longer each time that the runner ends at once, until one has connected", async () => {
  const runner = supervise("process.exit(1)");
  runner.start();
  await logged("runner ended", 3);

  runner.connected();
  await logged("runner ended", 4);

  const waits = lines.filter(({ message }) => message === "runner ended").map(({ fields }) => fields.restartInMs);
  expect(waits).toEqual([100, 200, 400, 20]);
});

it("adopts the runner that an earlier daemon has left, and replaces it when it ends", async () => {
  const left = await sleeper();
  writeFileSync(join(dir, "runner.json"), JSON.stringify(left));
  const ended: string[] = [];

  const runner = supervise(SLEEPS, { onExit: (instance) => ended.push(instance) });
  runner.start();
  const adopted = await logged("runner adopted");
  process.kill(left.pid, "SIGKILL");
  const started = await logged("runner started");

  expect(adopted).toMatchObject({ runnerPid: left.pid, instance: "left-behind" });
  expect(ended).toEqual(["left-behind"]);
  expect(started.runnerPid).not.toBe(left.pid);
});

it("ends a runner that an earlier daemon has left at another address, and starts its own", async () => {
  const left = await sleeper();
  writeFileSync(join(dir, "runner.json"), JSON.stringify({ ...left, endpoint: "http://127.0.0.1:2" }));

  supervise(SLEEPS).start();
  await logged("runner started");

  expect(startTimeOf(left.pid)).toBeUndefined();
});

it.each([
  ["of a process that has ended", { pid: 2 ** 22 + 1, startTime: "1", instance: "gone" }],
  ["of a process that began at another time", { pid: process.pid, startTime: "1", instance: "other" }],
  ["without a start time", { pid: process.pid, startTime: "", instance: "other" }],
  ["that is rubbish", { pid: "1" }],
])("adopts nothing by a record %s", async (_, record) => {
  writeFileSync(join(dir, "runner.json"), JSON.stringify(record));

  supervise(SLEEPS).start();

  expect(await logged("runner started")).toBeDefined();
});

it("keeps the record of a runner that has ended until there is another, and says what it says of one that it finds", async () => {
  const ended: string[] = [];
  const gone = { pid: 2 ** 22 + 1, startTime: "1", instance: "gone", endpoint: ENDPOINT };
  writeFileSync(join(dir, "runner.json"), JSON.stringify(gone));

  const runner = supervise("process.exit(1)", { onExit: (instance) => ended.push(instance) });
  runner.start();
  const { instance } = await logged("runner ended");

  expect(ended).toEqual(["gone", instance]);
  expect(JSON.parse(readFileSync(join(dir, "runner.json"), "utf8"))).toMatchObject({ instance });
});

it("asks the runner to end when it stops, and ends one that does not listen", async () => {
  const deaf = supervise(`process.on("SIGTERM", () => {}); ${SLEEPS}`);
  deaf.start();
  const { runnerPid } = await logged("runner started");
  await up();

  await deaf.stop(200);

  expect(await goneSoon(Number(runnerPid))).toBe(true);
  expect(existsSync(join(dir, "runner.json"))).toBe(false);
  expect(lines.filter(({ message }) => message === "runner ended")).toEqual([]);
});

it("goes on trying where the runner can't be started at all", async () => {
  const logs = join(dir, "not-yet");
  const runner = supervise(SLEEPS, { logFile: join(logs, "runner.log") });

  runner.start();
  await logged("runner could not be started");
  mkdirSync(logs);

  expect(await logged("runner started")).toBeDefined();
});

it("goes on without a record of the runner where none can be written", async () => {
  mkdirSync(join(dir, "runner.json.tmp"));

  supervise(SLEEPS).start();

  expect(await logged("runner started")).toBeDefined();
  expect(await logged("runner's record was not kept")).toBeDefined();
});

function supervise(script: string, options: Partial<RunnerOptions> = {}) {
  const entry = join(dir, "runner.mjs");
  writeFileSync(entry, script);
  const note = (fields: Record<string, unknown>, message: string): void => {
    lines.push({ message, fields });
    for (const tell of news.splice(0)) tell();
  };
  const runner = superviseRunner({
    ...{ entry, endpoint: ENDPOINT, dataDir: dir, logFile: join(dir, "runner.log"), slots: 4, env: {} },
    ...{ log: { debug: note, info: note, warn: note, error: note }, onExit: () => {} },
    ...options,
  });
  supervised.push(runner);
  return runner;
}

/** What the `nth` line with this message says, once it is there. */
async function logged(message: string, nth = 1): Promise<Line["fields"]> {
  for (;;) {
    const line = lines.filter((one) => one.message === message)[nth - 1];
    if (line) return line.fields;
    await new Promise<void>((resolve) => news.push(resolve));
  }
}

/** A process like a runner that some daemon has started. */
async function sleeper() {
  const child = spawn(process.execPath, ["-e", SLEEPS], { stdio: ["ignore", "pipe", "ignore"] });
  await once(child.stdout, "data");
  const pid = child.pid ?? 0;
  return { pid, startTime: startTimeOf(pid) ?? "", instance: "left-behind", endpoint: ENDPOINT };
}

/** Resolves when the runner has said that it is up. */
async function up(): Promise<void> {
  while (!readFileSync(join(dir, "runner.log"), "utf8").includes("up")) await turn();
}

async function goneSoon(pid: number): Promise<boolean> {
  while (startTimeOf(pid) !== undefined) await turn();
  return true;
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
