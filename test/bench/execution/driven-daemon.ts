import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { AgentCommandController, type AgentSpecSchema, RunnerQueryController } from "@stigmer/contracts/agentic";
import { type DaemonSetup, eventually, type TestDaemon } from "@stigmer/e2e/harness";
import { startBenchDaemon } from "../harness/bench-daemon.ts";
import { type Program, startProgram } from "../harness/programs.ts";
import type { Form } from "../harness/run-bench.ts";
import { AGENT, RUNNER, SCRIPT, SLOW_SCRIPT, SLOW_STEP_MS, SLOW_STEPS } from "./names.ts";
import type { LoopName, RunnerQuestion } from "./runner.ts";

export type Driven = { readonly daemon: TestDaemon; readonly runner: Program };

/** What an agent is beside its instructions and the script that answers it. */
export type AgentExtras = Omit<MessageInitShape<typeof AgentSpecSchema>, "$typeName">;

/** What stands where the daemon's own runner would: nothing that takes executions, so that they go to the bench's runner. */
export const NO_RUNNER = { STIGMER_RUNNER: join(import.meta.dirname, "idle-runner.ts") };

/** Starts the built daemon with scripts, and without a runner unless told. */
export async function startScripted(form: Form, setup: DaemonSetup = { env: NO_RUNNER }): Promise<TestDaemon> {
  const daemon = await startBenchDaemon(form, setup);
  const scripts = join(daemon.home, "scripts");
  mkdirSync(scripts, { recursive: true });
  const slowTurn = { toolCalls: [{ name: "none", arguments: {} }], delayMs: SLOW_STEP_MS };
  writeFileSync(join(scripts, SCRIPT), "turns: [{ text: ok }]\n");
  writeFileSync(join(scripts, SLOW_SCRIPT), JSON.stringify({ turns: Array(SLOW_STEPS).fill(slowTurn) }));
  return daemon;
}

/** Starts the built daemon with an agent, and without a runner that would take its executions. */
export async function startIdleDaemon(form: Form, extras: AgentExtras = {}): Promise<TestDaemon> {
  const daemon = await startScripted(form);
  await makeAgent(daemon, extras);
  return daemon;
}

export async function makeAgent({ client }: TestDaemon, extras: AgentExtras): Promise<void> {
  const spec = { instructions: "You are measured.", model: `scripted/${SCRIPT}`, ...extras };
  await client.service(AgentCommandController).create({ metadata: { name: AGENT }, spec });
}

/** Starts the built daemon, and the bench's runner in a process of its own, connected. */
export async function startDriven(form: Form, loop: LoopName, extras: AgentExtras = {}): Promise<Driven> {
  const daemon = await startIdleDaemon(form, extras);
  return { daemon, runner: await startRunner(form, daemon, loop) };
}

export async function startRunner(form: Form, daemon: TestDaemon, loop: LoopName): Promise<Program> {
  const runner = form.resources.use(startProgram("execution/runner.ts"));
  await runner.ask({ url: daemon.url, loop, slots: 64 } satisfies RunnerQuestion);
  await isConnected(daemon);
  return runner;
}

/** Resolves when the bench's runner is connected. */
export async function isConnected({ client }: TestDaemon): Promise<void> {
  const look = async (): Promise<true | undefined> => {
    const { items } = await client.service(RunnerQueryController).list({});
    return items.some(({ metadata, status }) => metadata?.name === RUNNER && status?.connected) || undefined;
  };
  await eventually(look, "the bench's runner to be connected");
}
