import { fromBinary } from "@bufbuild/protobuf";
import {
  AgentExecutionCommandController,
  type ExecutionEvent,
  ExecutionEventSchema,
  ExecutionQueryController,
} from "@stigmer/contracts/agentic";
import { eventually, type TestDaemon } from "@stigmer/e2e/harness";
import type { Program } from "../harness/programs.ts";
import { rowOf } from "../harness/row.ts";
import { interleaved, type Part } from "../harness/run-bench.ts";
import { RESTATE, type Restate, startRestate } from "../peers/restate.ts";
import { makeAgent, startDriven, startScripted } from "./driven-daemon.ts";
import { AGENT, SLOW_SCRIPT, SLOW_STEPS } from "./names.ts";

const STEPS_BEFORE = 5;
const PATIENCE_MS = 120_000;

/**
 * From `kill -9` of the runner's process until the next step has ended that had not before. The daemon starts its own
 * runner anew by itself; a reader of the journal sees the step. The process with Restate's service is started anew by the
 * bench right after the kill, as by a supervisor that loses no time, and sees the step itself.
 */
export const runnerKill: Part = {
  name: "runner killed",
  async run(form) {
    const daemon = await startScripted(form, {});
    await makeAgent(daemon, { model: `scripted/${SLOW_SCRIPT}`, maxTurns: SLOW_STEPS });
    const restate = await startRestate(form.resources);
    const figures = await interleaved(form.pairs, {
      ours: () => killOurRunner(daemon),
      restate: () => killService(restate),
    });
    return [rowIn("runner killed: next step", figures, { goal: "<= 0.7", peer: "service" })];
  },
};

/**
 * From `kill -9` of the daemon, or of Restate's server, until the next step has ended, as the runner or the service sees
 * it, which live on. Both are started anew right after the kill.
 */
export const daemonKill: Part = {
  name: "daemon killed",
  async run(form) {
    const { daemon, runner } = await startDriven(form, "slowSteps");
    const restate = await startRestate(form.resources);
    const figures = await interleaved(form.pairs, {
      ours: () => killDaemon(daemon, runner),
      restate: () => killServer(restate),
    });
    return [rowIn("daemon killed: next step", figures, { goal: "<= 0.8", peer: "server" })];
  },
};

function rowIn(
  row: string,
  figures: Readonly<Record<"ours" | "restate", readonly number[]>>,
  { goal, peer }: { readonly goal: "<= 0.7" | "<= 0.8"; readonly peer: string },
) {
  const ours = { name: "stigmer", values: figures.ours };
  return rowOf({ row, unit: "ms", ours, peer: { name: `${RESTATE} ${peer}`, values: figures.restate }, goal });
}

async function killOurRunner(daemon: TestDaemon): Promise<number> {
  const commands = daemon.client.service(AgentExecutionCommandController);
  const { metadata } = await commands.create({ metadata: {}, spec: { agent: AGENT, message: "go" } });
  const id = metadata?.id ?? "";
  let killed: { readonly at: number; readonly epoch: bigint } | undefined;
  let ends = 0;
  for await (const event of eventsOf(daemon, id)) {
    if (!isEndOfStep(event)) continue;
    if (++ends === STEPS_BEFORE) {
      killed = { at: performance.now(), epoch: event.epoch };
      process.kill(daemon.runnerPid() ?? 0, "SIGKILL");
    }
    if (!killed || event.epoch <= killed.epoch) continue;
    const took = performance.now() - killed.at;
    await commands.cancel({ id });
    return took;
  }
  throw new Error(`execution ${id} ended before its runner was killed`);
}

async function* eventsOf({ client }: TestDaemon, executionId: string): AsyncIterable<ExecutionEvent> {
  for await (const { message } of client.service(ExecutionQueryController).subscribe({ executionId })) {
    if (message.case === "entry") yield fromBinary(ExecutionEventSchema, message.value.event);
  }
}

function isEndOfStep({ event }: ExecutionEvent): boolean {
  return event.case === "modelCallFinished" || event.case === "toolCallFinished";
}

async function killDaemon(daemon: TestDaemon, runner: Program): Promise<number> {
  const commands = daemon.client.service(AgentExecutionCommandController);
  const began = monotonicMs();
  const { metadata } = await commands.create({ metadata: {}, spec: { agent: AGENT, message: "go" } });
  await stepsEnd(runner, began, STEPS_BEFORE);
  const killed = monotonicMs();
  await daemon.kill();
  const restarted = daemon.restart();
  const took = (await stepsEnd(runner, killed)) - killed;
  await restarted;
  await commands.cancel({ id: metadata?.id ?? "" });
  return took;
}

async function killService(restate: Restate): Promise<number> {
  const began = monotonicMs();
  const invocation = await sendSlowSteps(restate);
  await stepsEnd(restate.service, began, STEPS_BEFORE);
  const killed = monotonicMs();
  await restate.killService();
  await restate.startService();
  const took = (await stepsEnd(restate.service, killed)) - killed;
  await restate.cancel(invocation);
  return took;
}

async function killServer(restate: Restate): Promise<number> {
  const began = monotonicMs();
  const invocation = await sendSlowSteps(restate);
  await stepsEnd(restate.service, began, STEPS_BEFORE);
  const killed = monotonicMs();
  await restate.killServer();
  restate.startServer();
  const took = (await stepsEnd(restate.service, killed)) - killed;
  await restate.cancel(invocation);
  return took;
}

async function sendSlowSteps({ url }: Restate): Promise<string> {
  const headers = { "content-type": "application/json" };
  const answer = await fetch(`${url}/bench/slowSteps/send`, { method: "POST", headers, body: `${SLOW_STEPS}` });
  if (!answer.ok) throw new Error(`Restate answered ${answer.status}: ${await answer.text()}`);
  return ((await answer.json()) as { invocationId: string }).invocationId;
}

/** When the first step, or so many, ended after a time, as the program that drives them noted it. */
async function stepsEnd(program: Program, after: number, count = 1): Promise<number> {
  const ends: number[] = [];
  const look = async (): Promise<number | undefined> => {
    ends.push(...(await program.ask<readonly number[]>({ noted: true })).filter((at) => at > after));
    return ends[count - 1];
  };
  return await eventually(look, "a step to end", PATIENCE_MS);
}

/** The clock that every process of the machine shares. */
function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
