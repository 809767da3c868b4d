import { setTimeout } from "node:timers/promises";
import {
  ApprovalCommandController,
  ApprovalDecision,
  ApprovalQueryController,
  McpServerCommandController,
} from "@stigmer/contracts/agentic";
import { ServerQueryController } from "@stigmer/contracts/platform";
import { eventually, type TestDaemon } from "@stigmer/e2e/harness";
import { type Program, startProgram } from "../harness/programs.ts";
import { residentMegabytes } from "../harness/resident.ts";
import { absoluteRow, quantile } from "../harness/row.ts";
import type { Form, Part } from "../harness/run-bench.ts";
import type { CallJob } from "../load/calls.ts";
import { isConnected, makeAgent, startRunner, startScripted } from "./driven-daemon.ts";
import { oneStart } from "./starts.ts";

const SERVER = "bench-tools";
const PARKED_MS = 1_800_000;
const SETTLED_MS = 3_000;
/** Parked before the memory is measured for the first time, so that what the work itself needs is there already. */
const FIRST = 100;
/** Approved before it is measured, since a daemon that has just been started runs everything for the first time. */
const APPROVED_FIRST = 20;
const APPROVED = 200;

/**
 * Executions that wait for a person: what they add to the daemon's memory, how long the daemon takes from its start to
 * its first answer with them after a kill, and how long it takes then from the call that approves one until its tool is
 * called, one after the other. They are parked once, whatever the number of pairs. The runner and its tool are the bench's.
 */
export const parked: Part = {
  name: "parked",
  async run(form) {
    const count = form.short ? 100 : 10_000;
    const daemon = await startScripted(form);
    await daemon.client
      .service(McpServerCommandController)
      .create({ metadata: { name: SERVER }, spec: { transport: { case: "stdio", value: { command: "none" } } } });
    await makeAgent(daemon, { mcpServers: [{ name: SERVER }] });
    const runner = await startRunner(form, daemon, "askPerson");
    const load = form.resources.use(startProgram("load/calls.ts"));
    const park = parking({ form, daemon, runner, load });
    await park(FIRST);
    const before = await settledMegabytes(form, daemon);
    await park(count);
    const growth = (await settledMegabytes(form, daemon)) - before;
    const restart = await timeRestart(daemon);
    await isConnected(daemon);
    await approveSome(daemon, runner, APPROVED_FIRST);
    const approved = await approveSome(daemon, runner, Math.min(count - APPROVED_FIRST, APPROVED));
    const row = (what: string, unit: string, value: number, most: number) =>
      absoluteRow({
        row: `${count} parked: ${what}`,
        unit,
        ours: { name: "stigmer", values: [value] },
        bound: { most },
      });
    return [
      row("growth of the daemon, resident", "MB", growth, 60),
      row("restart to the first answer", "ms", restart, 2_000),
      row("approval to the call of its tool, p99", "ms", quantile(approved, 0.99), 50),
    ];
  },
};

type Parking = {
  readonly form: Form;
  readonly daemon: TestDaemon;
  readonly runner: Program;
  readonly load: Program;
};

/** Starts so many executions, and waits until that many more are parked. */
function parking({ daemon, runner, load }: Parking): (count: number) => Promise<void> {
  let started = 0;
  return async (count) => {
    started += count;
    const inFlight = Math.min(count, 64);
    await load.ask({ ...oneStart(daemon.url), inFlight, connections: 4, for: { calls: count } } satisfies CallJob);
    const all = async (): Promise<true | undefined> =>
      (await runner.ask<number>({ parked: true })) >= started || undefined;
    await eventually(all, `${count} executions to be parked`, PARKED_MS);
  };
}

async function settledMegabytes(form: Form, daemon: TestDaemon): Promise<number> {
  await setTimeout(form.short ? SETTLED_MS / 10 : SETTLED_MS);
  return residentMegabytes(daemon.process.pid ?? 0);
}

async function timeRestart(daemon: TestDaemon): Promise<number> {
  await daemon.kill();
  const began = performance.now();
  await daemon.restart();
  await daemon.client.service(ServerQueryController).getInfo({});
  return performance.now() - began;
}

async function approveSome({ client }: TestDaemon, runner: Program, count: number): Promise<readonly number[]> {
  const open = { filter: "status.decision = APPROVAL_DECISION_UNSPECIFIED", pageSize: count };
  const { items } = await client.service(ApprovalQueryController).list(open);
  await runner.ask({ noted: true });
  const latencies: number[] = [];
  for (const { metadata } of items) {
    const began = Number(process.hrtime.bigint()) / 1e6;
    const id = metadata?.id ?? "";
    await client.service(ApprovalCommandController).decide({ id, decision: ApprovalDecision.APPROVED });
    const called = await eventually(
      async () => (await runner.ask<readonly number[]>({ noted: true }))[0],
      `the tool to be called after ${id} was approved`,
    );
    latencies.push(called - began);
  }
  return latencies;
}
