import { create } from "@bufbuild/protobuf";
import type { Client } from "@stigmer/client";
import {
  AgentCommandController,
  AgentQueryController,
  AgentSchema,
  WatchAgentsRequestSchema,
} from "@stigmer/contracts/agentic";
import { startBenchDaemon } from "../harness/bench-daemon.ts";
import { startProgram } from "../harness/programs.ts";
import { rowOf } from "../harness/row.ts";
import { interleaved, type Part } from "../harness/run-bench.ts";
import type { WatchJob, WatchResult } from "../load/watches.ts";
import { ETCD, ETCD_MISSING, ETCD_PUT, ETCD_WATCH, encodeWatch, startEtcd } from "../peers/etcd.ts";
import { body, makeAgents, pathOf } from "./agents.ts";

const OBJECTS = 64;

type Target = Pick<WatchJob, "url" | "watch" | "update">;

export const watch: Part = {
  name: "watch",
  async run(form) {
    const pace = form.short ? { watchers: 10, updatesPerSecond: 20 } : { watchers: 200, updatesPerSecond: 500 };
    const load = form.resources.use(startProgram("load/watches.ts"));
    const lost = new Set<string>();
    const p99 = async (name: string, target: Target) => {
      const result = await load.ask<WatchResult>({ ...target, ...pace, seconds: form.seconds } satisfies WatchJob);
      if (result.delivered < 1) lost.add(`${name} delivered ${(100 * result.delivered).toFixed(1)} % within 5 s`);
      return result.p99;
    };
    const { url, client } = await startBenchDaemon(form);
    await makeAgents(client, OBJECTS);
    const etcd = await startEtcd(form.resources);
    const figures = await interleaved(form.pairs, {
      ours: async () => p99("stigmer", await stigmerTarget(url, client)),
      etcd: async () => (etcd ? await p99(ETCD, etcdTarget(etcd)) : 0),
    });
    const { watchers, updatesPerSecond } = pace;
    return [
      rowOf({
        row: `watch fan-out, ${watchers} watchers, ${updatesPerSecond} updates/s, p99 of delivery`,
        unit: "ms",
        ours: { name: "stigmer", values: figures.ours },
        peer: etcd ? { name: `${ETCD} watch`, values: figures.etcd } : { name: `${ETCD} watch`, missing: ETCD_MISSING },
        goal: "<= 2",
        note: lost.size > 0 ? [...lost].join("; ") : undefined,
      }),
    ];
  },
};

/** With the agents as they are now, since an update carries the version that it is based on. */
async function stigmerTarget(url: string, client: Client): Promise<Target> {
  const { items } = await client.service(AgentQueryController).list({ pageSize: OBJECTS });
  const open = body(WatchAgentsRequestSchema, create(WatchAgentsRequestSchema));
  return {
    url,
    watch: { path: pathOf(AgentQueryController.method.watch), body: open, bothWays: false },
    update: {
      path: pathOf(AgentCommandController.method.update),
      agents: items.map((agent) => body(AgentSchema, agent)),
    },
  };
}

function etcdTarget(url: string): Target {
  const keys = Array.from({ length: OBJECTS }, (_, at) => `bench/${at}`);
  const open = Buffer.from(encodeWatch("bench/")).toString("base64");
  return { url, watch: { path: ETCD_WATCH, body: open, bothWays: true }, update: { path: ETCD_PUT, keys } };
}
