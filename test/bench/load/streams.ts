/** Reads many streams of tokens at once, of ours or of the bare server; some readers are cut again and again, and resume. */
import { get } from "node:http";
import { setTimeout } from "node:timers/promises";
import { fromBinary } from "@bufbuild/protobuf";
import type { Client } from "@stigmer/client";
import { connectTo } from "@stigmer/client/node";
import {
  AgentExecutionCommandController,
  ExecutionEventSchema,
  ExecutionQueryController,
  type JournalEntry,
} from "@stigmer/contracts/agentic";
import { answerQuestions } from "../harness/programs.ts";
import { createTokenReader, TOKENS_PER_SECOND, type TokenReader } from "./tokens.ts";

export type StreamsJob = {
  readonly url: string;
  /** The agent whose executions are read; absent where the server is the bare one. */
  readonly agent?: string;
  readonly streams: number;
  readonly seconds: number;
};

/** Milliseconds from the moment when a token was written until its reader had it. */
export type StreamsResult = { readonly latencies: readonly number[]; readonly cuts: number };

const CUT_EVERY_MS = 700;
/** One reader in so many is cut. */
const CUT_SHARE = 10;

const runs = { count: 0 };
let cuts = 0;

answerQuestions<StreamsJob, StreamsResult>(async (job) => {
  runs.count++;
  cuts = 0;
  const tokens = Math.round(job.seconds * TOKENS_PER_SECOND);
  const clients = job.agent ? [1, 2, 3, 4].map(() => connectTo({ url: job.url })) : [];
  const readers = await Promise.all(
    Array.from({ length: job.streams }, async (_, at) => {
      const client = clients[at % clients.length];
      const open = client ? await ourStream(client, job.agent ?? "", tokens) : bareStream(job.url, at, tokens);
      return await readStream(open, { tokens, isCut: at % CUT_SHARE === 0 });
    }),
  );
  for (const client of clients) client.close();
  return { latencies: readers.flatMap(({ latencies }) => latencies), cuts };
});

/** Reads on from where the reader is, until the end or until it is cut. */
type Open = (reader: TokenReader, signal: AbortSignal) => Promise<void>;

async function readStream(
  open: Open,
  { tokens, isCut }: { readonly tokens: number; readonly isCut: boolean },
): Promise<TokenReader> {
  const reader = createTokenReader();
  while (reader.latencies.length < tokens) {
    const cut = new AbortController();
    const cutLater = async (): Promise<void> => {
      await setTimeout(CUT_EVERY_MS, undefined, { ref: false });
      cut.abort();
    };
    if (isCut) void cutLater();
    try {
      await open(reader, cut.signal);
    } catch (error) {
      if (!cut.signal.aborted) throw error;
      cuts++;
      continue;
    }
    const came = reader.latencies.length;
    if (came < tokens) throw new Error(`the stream ended after ${came} of ${tokens} tokens`);
  }
  return reader;
}

async function ourStream(client: Client, agent: string, tokens: number): Promise<Open> {
  const { create } = client.service(AgentExecutionCommandController);
  const { metadata } = await create({ metadata: {}, spec: { agent, message: `${tokens}` } });
  const executionId = metadata?.id ?? "";
  let next = 1;
  let fromStream = "";
  return async (reader, signal) => {
    const from = { fromSequence: BigInt(next), fromOffset: BigInt(reader.length()), fromStream };
    const messages = client.service(ExecutionQueryController).subscribe({ executionId, ...from }, { signal });
    for await (const { message } of messages) {
      if (message.case === "entry") next = takeEntry(reader, message.value, next);
      if (message.case === "restarted") throw new Error("the text of a call was voided");
      if (message.case !== "delta") continue;
      const offset = Number(message.value.offset);
      if (offset !== reader.length()) throw new Error(`text from ${offset} came where ${reader.length()} was due`);
      fromStream = message.value.stream;
      reader.read(message.value.text);
    }
  };
}

/** The entry that ends the call has the whole text: what did not come as a delta comes with it. */
function takeEntry(reader: TokenReader, { sequence, event: bytes }: JournalEntry, due: number): number {
  if (Number(sequence) !== due) throw new Error(`entry ${sequence} came where ${due} was due`);
  const { event } = fromBinary(ExecutionEventSchema, bytes);
  if (event.case === "modelCallFinished") {
    const text = event.value.message?.parts.map(({ part }) => (part.case === "text" ? part.value : "")).join("") ?? "";
    reader.read(text.slice(reader.length()));
  }
  return due + 1;
}

function bareStream(url: string, at: number, tokens: number): Open {
  const path = new URL(`/${runs.count}-${at}?count=${tokens}`, url);
  return (reader, signal) =>
    new Promise((resolve, reject) => {
      const headers = { "last-event-id": `${reader.latencies.length - 1}` };
      const request = get(path, { headers, signal }, (response) => {
        const take = createEventReader((text) => reader.read(text));
        response.setEncoding("utf8");
        response.on("data", (chunk: string) => {
          try {
            take(chunk);
          } catch (error) {
            reject(error);
          }
        });
        response.on("end", resolve);
        response.on("error", reject);
      });
      request.on("error", reject);
    });
}

/** Finds the data of server-sent events that have come whole. */
function createEventReader(found: (data: string) => void): (chunk: string) => void {
  let rest = "";
  return (chunk) => {
    const events = (rest + chunk).split("\n\n");
    rest = events.pop() ?? "";
    for (const event of events) found(event.slice(event.indexOf("data: ") + "data: ".length));
  };
}
