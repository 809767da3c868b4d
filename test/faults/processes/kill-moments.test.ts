import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { ExecutionPhase } from "@stigmer/contracts/agentic";
import { eventually, startDaemon, type TestDaemon } from "@stigmer/e2e/harness";
import { expect, it } from "vitest";
import { applyAgents, createScratch, scriptedModel, startExecution, type Turn } from "./effects.ts";
import { endOf, expectSound } from "./journal.ts";
import { createPerson, pause, whileAway } from "./person.ts";
import { createRandom, SEED } from "./random.ts";
import { kill, VICTIMS } from "./victims.ts";

const MOMENTS = Number(process.env.MOMENTS ?? 200);
/** Executions that are under way at any time: each is killed at another place. */
const IN_FLIGHT = 6;
const LONGEST_PAUSE_MS = 900;
/** After as many kills there is time for an execution to end, so that a slow machine gets on as well. */
const CALM = 5;
const MS_FOR_EACH = 6_000;

const use = (tool: string, token: string) => ({ name: `effects__${tool}`, arguments: { token } });
const TURNS: readonly Turn[] = [
  { text: "First this.", toolCalls: [use("append", "a"), use("append_once", "b")], delayMs: 10 },
  { text: "Then that.", toolCalls: [use("append_once", "c"), use("look", ""), use("append", "d")], delayMs: 10 },
  { text: "All is done.", delayMs: 10 },
];

it(
  `ends every execution, with no effect that nobody allowed, when runner, daemon or both are killed at ${MOMENTS} random moments (SEED=${SEED})`,
  async () => {
    using scratch = createScratch();
    await using daemon = await startDaemon({ config: "runner: { leaseDuration: 3 }" });
    await applyAgents(daemon.client);
    await using _person = createPerson(daemon.client);
    const load = createLoad(daemon, scratch.path);

    const runs = Array.from({ length: IN_FLIGHT }, () => load.keepRunning());
    const killing = killAll(daemon, load);
    await Promise.race([killing, Promise.all(runs)]);
    load.stop();
    await Promise.all([killing, ...runs]);

    expect(load.ended()).toBeGreaterThanOrEqual(IN_FLIGHT);
  },
  60_000 + MOMENTS * MS_FOR_EACH,
);

type Load = ReturnType<typeof createLoad>;

/** Executions, one after the other in each lane, each checked when it has ended. */
function createLoad(daemon: TestDaemon, folder: string) {
  const model = scriptedModel(folder, TURNS);
  let stopped = false;
  let started = 0;
  let ended = 0;
  const kills: string[] = [];
  const runOne = async (): Promise<void> => {
    const workspace = join(folder, `w${++started}`);
    const first = kills.length;
    mkdirSync(workspace);
    const id = await begin(daemon, { model, workspace });
    const execution = await endOf(daemon.client, id, 120_000);
    const label = `SEED=${SEED}, ${id}, after ${kills.slice(first).join("; ") || "no kill"}`;
    const { error } = execution.status ?? {};
    expect(ExecutionPhase[execution.status?.phase ?? 0], `${label}: ${error?.reason} ${error?.message}`).toBe(
      "SUCCEEDED",
    );
    await eventually(() => expectSound(daemon.client, { id, workspace, label }).then(() => true, whileAway), label);
    ended += 1;
  };
  return {
    kills,
    ended: () => ended,
    /** Waits until another execution has ended. */
    async progress(): Promise<void> {
      const before = ended;
      await eventually(() => ended > before || undefined, "an execution to end", 60_000);
    },
    stop() {
      stopped = true;
    },
    async keepRunning(): Promise<void> {
      while (!stopped) await runOne();
    },
  };
}

/** A start whose answer is lost may have happened; the client's own tries have one key, so that it happens once. */
async function begin(daemon: TestDaemon, of: { readonly model: string; readonly workspace: string }): Promise<string> {
  return await eventually(() => startExecution(daemon.client, of).catch(whileAway), "an execution to start");
}

async function killAll(daemon: TestDaemon, load: Load): Promise<void> {
  const random = createRandom(SEED);
  for (let count = 0; count < MOMENTS; count++) {
    const victim = VICTIMS[count % VICTIMS.length] ?? "both";
    const moment = Math.floor(random() * LONGEST_PAUSE_MS);
    if (count % CALM === 0) await load.progress();
    await pause(moment);
    load.kills.push(`${victim} killed ${moment} ms on`);
    await kill(daemon, victim);
  }
}
