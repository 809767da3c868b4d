import { create } from "@bufbuild/protobuf";
import { AgentQueryController, GetAgentRequestSchema } from "@stigmer/contracts/agentic";
import { startBenchDaemon } from "../harness/bench-daemon.ts";
import { startProgram } from "../harness/programs.ts";
import { rowOf } from "../harness/row.ts";
import { type Form, interleaved, type Part } from "../harness/run-bench.ts";
import type { CallJob, CallResult } from "../load/calls.ts";
import { body, makeAgents, pathOf } from "./agents.ts";
import { startEcho } from "./echoes.ts";

const ROW = "get of a 1 KB agent, 32 in flight";
const AGENTS = 200;

export const get: Part = {
  name: "get",
  async run(form) {
    const call = callsPerSecond(form, { inFlight: 32, connections: 4 });
    const ours = await storedAgents(form);
    const connect = await startEcho(form.resources, "connect-echo");
    const grpc = await startEcho(form.resources, "grpc-js-echo");
    const grpc1k = await startEcho(form.resources, "grpc-js-echo", 1024);
    const figures = await interleaved(form.pairs, {
      ours: () => call(ours),
      connect: () => call(connect),
      grpc: () => call(grpc),
      grpc1k: () => call(grpc1k),
    });
    const row = { row: ROW, unit: "calls/s", ours: { name: "stigmer", values: figures.ours } };
    return [
      rowOf({ ...row, peer: { name: "connect-node echo, 128 B", values: figures.connect }, goal: ">= 4" }),
      rowOf({ ...row, peer: { name: "grpc-js echo, 128 B", values: figures.grpc }, goal: ">= 0.7" }),
      rowOf({ ...row, peer: { name: "grpc-js echo, 1 KB agent", values: figures.grpc1k }, goal: null }),
    ];
  },
};

/** Measures one server after the other with one and the same load. */
export function callsPerSecond(
  form: Form,
  how: Pick<CallJob, "inFlight" | "connections">,
): (job: Pick<CallJob, "url" | "path" | "bodies" | "keyed">) => Promise<number> {
  const load = form.resources.use(startProgram("load/calls.ts"));
  return async (job) => {
    const result = await load.ask<CallResult>({ ...job, ...how, for: { seconds: form.seconds } } satisfies CallJob);
    return result.callsPerSecond;
  };
}

async function storedAgents(form: Form): Promise<Pick<CallJob, "url" | "path" | "bodies">> {
  const { url, client } = await startBenchDaemon(form);
  const agents = await makeAgents(client, AGENTS);
  const requests = agents.map(({ metadata }) => create(GetAgentRequestSchema, { id: metadata?.id ?? "" }));
  const bodies = requests.map((request) => body(GetAgentRequestSchema, request));
  return { url, path: pathOf(AgentQueryController.method.get), bodies };
}
