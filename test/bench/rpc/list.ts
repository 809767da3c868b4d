import { create } from "@bufbuild/protobuf";
import {
  AgentCommandController,
  AgentQueryController,
  AgentSchema,
  ListAgentsRequestSchema,
} from "@stigmer/contracts/agentic";
import { startBenchDaemon } from "../harness/bench-daemon.ts";
import { type Program, startProgram } from "../harness/programs.ts";
import { rowOf } from "../harness/row.ts";
import { type Form, interleaved, type Part } from "../harness/run-bench.ts";
import type { CallJob, CallResult } from "../load/calls.ts";
import { COUNTER } from "../load/marks.ts";
import { ETCD, ETCD_MISSING, ETCD_PUT, ETCD_RANGE, encodePut, encodeRange, startEtcd } from "../peers/etcd.ts";
import { agentOf, body, NUMBERED, pathOf } from "./agents.ts";

const PAGE = 50;
const TEAMS = Array.from({ length: 100 }, (_, at) => `t${`${at}`.padStart(2, "0")}`);
const IN_FLIGHT = { inFlight: 4, connections: 4 };

type Target = Pick<CallJob, "url" | "path" | "bodies">;

export const list: Part = {
  name: "list",
  async run(form) {
    const count = form.short ? 2_000 : 100_000;
    const load = form.resources.use(startProgram("load/calls.ts"));
    const p99 = async (target: Target) => {
      const job: CallJob = { ...target, ...IN_FLIGHT, for: { seconds: form.seconds } };
      return (await load.ask<CallResult>(job)).p99;
    };
    const ours = await labelledAgents(form, load, count);
    const etcd = await prefixedKeys(form, load, count);
    const figures = await interleaved(form.pairs, {
      ours: () => p99(ours),
      etcd: async () => (etcd ? await p99(etcd) : 0),
    });
    const peer = `${ETCD} range of ${PAGE} by prefix`;
    return [
      rowOf({
        row: `list ${PAGE} of ${count} by label, ${IN_FLIGHT.inFlight} in flight, p99`,
        unit: "ms",
        ours: { name: "stigmer", values: figures.ours },
        peer: etcd ? { name: peer, values: figures.etcd } : { name: peer, missing: ETCD_MISSING },
        goal: "<= 1.5",
      }),
    ];
  },
};

async function labelledAgents(form: Form, load: Program, count: number): Promise<Target> {
  const { url } = await startBenchDaemon(form);
  const agents = TEAMS.map((team) => body(AgentSchema, agentOf(NUMBERED, 1024, { team })));
  await fill(load, { url, path: pathOf(AgentCommandController.method.create), bodies: agents }, count);
  const requests = TEAMS.map((team) =>
    create(ListAgentsRequestSchema, { labelSelector: `team=${team}`, pageSize: PAGE }),
  );
  const bodies = requests.map((request) => body(ListAgentsRequestSchema, request));
  return { url, path: pathOf(AgentQueryController.method.list), bodies };
}

async function prefixedKeys(form: Form, load: Program, count: number): Promise<Target | undefined> {
  const url = await startEtcd(form.resources);
  if (!url) return undefined;
  const puts = TEAMS.map((team) => encodePut(`bench/${team}/${COUNTER}`, "x".repeat(1024)));
  await fill(load, { url, path: ETCD_PUT, bodies: puts.map(base64) }, count);
  return { url, path: ETCD_RANGE, bodies: TEAMS.map((team) => base64(encodeRange(`bench/${team}/`, PAGE))) };
}

async function fill(load: Program, target: Target, calls: number): Promise<void> {
  await load.ask({ ...target, inFlight: 128, connections: 4, for: { calls } } satisfies CallJob);
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64");
}
