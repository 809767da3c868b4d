/** Watches a server with many readers while it changes at a steady pace, and times each change on its way to each reader. */
import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { type Agent, AgentSchema } from "@stigmer/contracts/agentic";
import { answerQuestions } from "../harness/programs.ts";
import { quantile } from "../harness/row.ts";
import { encodePut } from "../peers/etcd.ts";
import { type Connections, framed, grpcHeaders, openConnections, unary } from "./grpc.ts";
import { createMarkReader, markOf } from "./marks.ts";

export type WatchJob = {
  readonly url: string;
  /** How to open a watch; the message in base64. A stream in both directions ends when we end our side of it. */
  readonly watch: { readonly path: string; readonly body: string; readonly bothWays: boolean };
  /** How to change something, and the things to change: agents in base64, or keys of etcd. */
  readonly update:
    | { readonly path: string; readonly agents: readonly string[] }
    | { readonly path: string; readonly keys: readonly string[] };
  readonly watchers: number;
  readonly updatesPerSecond: number;
  readonly seconds: number;
};

/** Milliseconds from when an update was due to when a watcher had it; and the share of deliveries that came at all. */
export type WatchResult = { readonly p50: number; readonly p99: number; readonly delivered: number };

const CONNECTIONS = 4;
const TICK_MS = 2;
/** Sent first and again until every watcher has had one, to know that all of them watch. */
const PROBE_MS = 250;
const GRACE_MS = 5_000;

answerQuestions(measure);

async function measure(job: WatchJob): Promise<WatchResult> {
  using watching = await openConnections(job.url, CONNECTIONS);
  using updating = await openConnections(job.url, CONNECTIONS);
  const update = updater(job, updating);
  const due: number[] = [];
  const latencies: number[] = [];
  const ready = new Set<number>();
  let measuredFrom = Number.POSITIVE_INFINITY;
  const seen = (watcher: number) => (number: number) => {
    ready.add(watcher);
    if (number >= measuredFrom) latencies.push(performance.now() - (due[number] ?? Number.NaN));
  };
  for (let watcher = 0; watcher < job.watchers; watcher++) openWatch(job, watching, seen(watcher));
  for (const until = performance.now() + 20_000; ready.size < job.watchers; ) {
    if (performance.now() > until) throw new Error(`${ready.size} of ${job.watchers} watchers receive anything`);
    await update(due.push(performance.now()) - 1);
    await pause(PROBE_MS);
  }
  measuredFrom = due.length;
  await atPace(job, (dueAt) => update(due.push(dueAt) - 1));
  const expected = (due.length - measuredFrom) * job.watchers;
  for (const until = performance.now() + GRACE_MS; latencies.length < expected && performance.now() < until; )
    await pause(PROBE_MS);
  return { p50: quantile(latencies, 0.5), p99: quantile(latencies, 0.99), delivered: latencies.length / expected };
}

function openWatch({ url, watch }: WatchJob, connections: Connections, seen: (number: number) => void): void {
  const stream = connections.next().request(grpcHeaders(url, watch.path));
  stream.on("data", createMarkReader(seen));
  stream.on("error", () => {}); // what it no longer delivers is missed in the count
  stream.write(framed(Buffer.from(watch.body, "base64")));
  if (!watch.bothWays) stream.end();
}

/** Calls at each moment that the pace wants, late where it can't be helped, until the time is over; waits for all. */
async function atPace({ updatesPerSecond, seconds }: WatchJob, run: (dueAt: number) => Promise<void>): Promise<void> {
  const began = performance.now();
  const running: Promise<void>[] = [];
  const total = Math.floor(updatesPerSecond * seconds);
  while (running.length < total) {
    const wanted = Math.min(total, Math.floor(((performance.now() - began) / 1000) * updatesPerSecond));
    while (running.length < wanted) running.push(run(began + ((running.length + 1) / updatesPerSecond) * 1000));
    await pause(TICK_MS);
  }
  await Promise.all(running);
}

/** Changes one thing after the other, so that its mark is the number; each waits for its own change before. */
function updater({ url, update }: WatchJob, connections: Connections): (number: number) => Promise<void> {
  const headers = grpcHeaders(url, update.path);
  const call = (message: Uint8Array) => unary(connections.next(), headers, message);
  const things =
    "keys" in update
      ? update.keys.map((key) => keyed(key, call))
      : update.agents.map((agent) => versioned(agent, call));
  const turns = things.map(() => Promise.resolve());
  return (number) => {
    const at = number % things.length;
    const turn = (turns[at] ?? Promise.resolve()).then(() => things[at]?.(number));
    turns[at] = turn;
    return turn;
  };
}

type Call = (message: Uint8Array) => Promise<Buffer>;

function keyed(key: string, call: Call): (number: number) => Promise<void> {
  return async (number) => {
    await call(encodePut(key, markOf(number) + "x".repeat(1000)));
  };
}

/** An agent's update carries the version that the one before it returned. */
function versioned(body: string, call: Call): (number: number) => Promise<void> {
  let agent: Agent = fromBinary(AgentSchema, Buffer.from(body, "base64"));
  return async (number) => {
    if (agent.spec) agent.spec.description = markOf(number);
    agent = fromBinary(AgentSchema, await call(toBinary(AgentSchema, agent)));
  };
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
