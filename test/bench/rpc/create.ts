import { AgentCommandController, AgentSchema } from "@stigmer/contracts/agentic";
import { startBenchDaemon } from "../harness/bench-daemon.ts";
import { rowOf } from "../harness/row.ts";
import { interleaved, type Part } from "../harness/run-bench.ts";
import { COUNTER } from "../load/marks.ts";
import { ETCD, ETCD_MISSING, ETCD_PUT, encodePut, startEtcd } from "../peers/etcd.ts";
import { agentOf, body, NUMBERED, pathOf } from "./agents.ts";
import { startEcho } from "./echoes.ts";
import { callsPerSecond } from "./get.ts";

const ROW = "create of a 1 KB agent, synced, with idempotency keys, 64 in flight";

export const createPart: Part = {
  name: "create",
  async run(form) {
    const call = callsPerSecond(form, { inFlight: 64, connections: 4 });
    const { url } = await startBenchDaemon(form);
    const path = pathOf(AgentCommandController.method.create);
    const ours = { url, path, bodies: [body(AgentSchema, agentOf(NUMBERED, 1024))], keyed: true };
    const connect = await startEcho(form.resources, "connect-echo");
    const etcd = await startEtcd(form.resources);
    const put = Buffer.from(encodePut(`bench/${COUNTER}`, "x".repeat(1024))).toString("base64");
    const figures = await interleaved(form.pairs, {
      ours: () => call(ours),
      connect: () => call(connect),
      etcd: async () => (etcd ? await call({ url: etcd, path: ETCD_PUT, bodies: [put] }) : 0),
    });
    const row = { row: ROW, unit: "calls/s", ours: { name: "stigmer", values: figures.ours } };
    const durable = etcd
      ? { name: `${ETCD} put of 1 KB`, values: figures.etcd }
      : { name: `${ETCD} put of 1 KB`, missing: ETCD_MISSING };
    return [
      rowOf({ ...row, peer: { name: "connect-node echo, 128 B", values: figures.connect }, goal: ">= 2" }),
      rowOf({ ...row, peer: durable, goal: ">= 0.5" }),
    ];
  },
};
