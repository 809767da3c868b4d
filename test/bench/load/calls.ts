/** Makes unary calls as fast as they are answered, in gRPC or as plain JSON. The same program loads every server, in a process of its own. */
import type { OutgoingHttpHeaders } from "node:http2";
import { answerQuestions } from "../harness/programs.ts";
import { quantile } from "../harness/row.ts";
import { type Connections, ending, framed, grpcHeaders, openConnections, post } from "./grpc.ts";
import { COUNTER } from "./marks.ts";

export type CallJob = {
  readonly url: string;
  /** `/package.Service/method`. */
  readonly path: string;
  /** Messages in base64, sent in turns. Where one holds `COUNTER`, a number stands there that no other call has. */
  readonly bodies: readonly string[];
  /** Whether a call is a plain one whose body is JSON; a gRPC call unless told. */
  readonly json?: boolean;
  /** Whether each call carries an idempotency key of its own. */
  readonly keyed?: boolean;
  readonly inFlight: number;
  readonly connections: number;
  /** How long to measure, after a third of that to warm up; or how many calls to make. */
  readonly for: { readonly seconds: number } | { readonly calls: number };
};

/** What came of it. Latencies are in milliseconds. */
export type CallResult = {
  readonly callsPerSecond: number;
  readonly p50: number;
  readonly p99: number;
};

type Template = { readonly frame: Buffer; readonly counterAt: number };

const numbers = { next: 1 };

answerQuestions(load);

async function load(job: CallJob): Promise<CallResult> {
  using connections = await openConnections(job.url, job.connections);
  const latencies: number[] = [];
  const window = windowOf(job, () => latencies.length);
  const call = caller(job, connections);
  const lane = async (): Promise<void> => {
    while (window.isOpen()) {
      const began = performance.now();
      await call();
      if (began >= window.from) latencies.push(performance.now() - began);
    }
  };
  await Promise.all(Array.from({ length: job.inFlight }, lane));
  const seconds = (performance.now() - window.from) / 1000;
  return { callsPerSecond: latencies.length / seconds, p50: quantile(latencies, 0.5), p99: quantile(latencies, 0.99) };
}

function windowOf(job: CallJob, done: () => number): { readonly from: number; isOpen(): boolean } {
  const { for: extent } = job;
  const now = performance.now();
  if ("calls" in extent) return { from: now, isOpen: () => done() + job.inFlight <= extent.calls };
  const from = now + (extent.seconds * 1000) / 3;
  const until = from + extent.seconds * 1000;
  return { from, isOpen: () => performance.now() < until };
}

function caller(job: CallJob, connections: Connections): () => Promise<void> {
  return job.json ? jsonCaller(job, connections) : grpcCaller(job, connections);
}

function jsonCaller(job: CallJob, connections: Connections): () => Promise<void> {
  const url = new URL(job.path, job.url);
  const bodies = job.bodies.map((body) => Buffer.from(body, "base64"));
  return async () => {
    const body = bodies[numbers.next++ % bodies.length];
    if (!body) throw new Error("no message was given");
    await post(connections.next(), url, body);
  };
}

function grpcCaller(job: CallJob, connections: Connections): () => Promise<void> {
  const templates = job.bodies.map(templateOf);
  const headers = grpcHeaders(job.url, job.path);
  return async () => {
    const number = numbers.next++;
    const template = templates[number % templates.length];
    if (!template) throw new Error("no message was given");
    const stream = connections.next().request(job.keyed ? withKey(headers, number) : headers);
    const ended = ending(stream);
    stream.resume();
    stream.end(fill(template, number));
    const refused = await ended;
    if (refused !== undefined) throw new Error(`${job.path} ended with ${refused}`);
  };
}

function templateOf(body: string): Template {
  const frame = framed(Buffer.from(body, "base64"));
  return { frame, counterAt: frame.indexOf(COUNTER) };
}

function fill({ frame, counterAt }: Template, number: number): Buffer {
  if (counterAt === -1) return frame;
  const filled = Buffer.from(frame);
  filled.write(`${number}`.padStart(COUNTER.length, "0"), counterAt, "latin1");
  return filled;
}

function withKey(headers: OutgoingHttpHeaders, number: number): OutgoingHttpHeaders {
  return { ...headers, "idempotency-key": `bench-${process.pid}-${number}` };
}
