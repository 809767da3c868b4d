import { create } from "@bufbuild/protobuf";
import {
  AgentExecutionCommandController,
  AgentExecutionSchema,
  CreateAgentExecutionsRequestSchema,
} from "@stigmer/contracts/agentic";
import { startProgram } from "../harness/programs.ts";
import { absoluteRow, type Row, rowOf } from "../harness/row.ts";
import { type Form, interleaved, type Part } from "../harness/run-bench.ts";
import type { CallJob, CallResult } from "../load/calls.ts";
import { RESTATE, startRestate } from "../peers/restate.ts";
import { body, pathOf } from "../rpc/agents.ts";
import { startDriven, startIdleDaemon } from "./driven-daemon.ts";
import { AGENT } from "./names.ts";

const IN_FLIGHT = { inFlight: 64, connections: 4 };
const BATCH = 100;
const BATCHES_IN_FLIGHT = { inFlight: 4, connections: 4 };

type Start = Pick<CallJob, "url" | "path" | "bodies" | "json">;

/**
 * Executions that are started, each with a call of its own that is acknowledged after it is synced, while whoever drives
 * them is at work: our runner, and Restate's service, end each at once. Ours keeps a record, a session, a journal and a
 * task of each execution; Restate keeps the invocation.
 */
export const starts: Part = {
  name: "starts, driven",
  run: (form) => compare(form, { row: "execution starts, 64 in flight, driven meanwhile", send: "send", driven: true }),
};

/** The same where nothing drives them: ours have no runner, Restate's are sent with a delay of an hour. */
export const startsAlone: Part = {
  name: "starts, alone",
  run: (form) =>
    compare(form, { row: "execution starts, 64 in flight, nothing else", send: "send?delay=1h", driven: false }),
};

/** Executions that are started a hundred with each call, which is one commit; nothing drives them. */
export const startsInBatches: Part = {
  name: "starts, in batches",
  async run(form) {
    const daemon = await startIdleDaemon(form);
    const load = form.resources.use(startProgram("load/calls.ts"));
    const startsPerSecond = async (): Promise<number> => {
      const job: CallJob = { ...batchedStart(daemon.url), ...BATCHES_IN_FLIGHT, for: extentOf(form, 8) };
      return (await load.ask<CallResult>(job)).callsPerSecond * BATCH;
    };
    const { ours } = await interleaved(form.pairs, { ours: startsPerSecond });
    const row = `execution starts in batches of ${BATCH}, ${BATCHES_IN_FLIGHT.inFlight} in flight, nothing else`;
    return [absoluteRow({ row, unit: "starts/s", ours: { name: "stigmer", values: ours }, bound: { least: 8_000 } })];
  },
};

/** Calls that start one execution each. */
export function oneStart(url: string): Start {
  const execution = create(AgentExecutionSchema, { metadata: {}, spec: { agent: AGENT, message: "go" } });
  const path = pathOf(AgentExecutionCommandController.method.create);
  return { url, path, bodies: [body(AgentExecutionSchema, execution)] };
}

/** The short form makes so many calls, however long they take. */
function extentOf({ short, seconds }: Form, calls: number): CallJob["for"] {
  return short ? { calls } : { seconds };
}

function batchedStart(url: string): Start {
  const one = create(AgentExecutionSchema, { metadata: {}, spec: { agent: AGENT, message: "go" } });
  const request = create(CreateAgentExecutionsRequestSchema, { executions: Array(BATCH).fill(one) });
  const path = pathOf(AgentExecutionCommandController.method.createBatch);
  return { url, path, bodies: [body(CreateAgentExecutionsRequestSchema, request)] };
}

async function compare(
  form: Form,
  { row, send, driven }: { readonly row: string; readonly send: string; readonly driven: boolean },
): Promise<readonly Row[]> {
  const daemon = driven ? (await startDriven(form, "nothing")).daemon : await startIdleDaemon(form);
  const restate = await startRestate(form.resources);
  const load = form.resources.use(startProgram("load/calls.ts"));
  const call = async (start: Start): Promise<number> => {
    const job: CallJob = { ...start, ...IN_FLIGHT, for: extentOf(form, 128) };
    return (await load.ask<CallResult>(job)).callsPerSecond;
  };
  const figures = await interleaved(form.pairs, {
    ours: () => call(oneStart(daemon.url)),
    restate: () => call({ url: restate.url, path: `/bench/nothing/${send}`, bodies: [""], json: true }),
  });
  const ours = { name: "stigmer", values: figures.ours };
  const peer = { name: `${RESTATE} ${send}`, values: figures.restate };
  return [rowOf({ row, unit: "starts/s", ours, peer, goal: driven ? ">= 2.5" : null })];
}
