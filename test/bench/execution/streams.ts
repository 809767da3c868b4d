import { startProgram } from "../harness/programs.ts";
import { quantile, rowOf } from "../harness/row.ts";
import { interleaved, type Part } from "../harness/run-bench.ts";
import type { StreamsJob, StreamsResult } from "../load/streams.ts";
import { TOKENS_PER_SECOND } from "../load/tokens.ts";
import { makeAgent, NO_RUNNER, startRunner, startScripted } from "./driven-daemon.ts";
import { AGENT } from "./names.ts";

const MOST_ADDED_MS = 20;

/**
 * From the moment when a model's stand-in writes a token until a reader of the execution has it, beside a server that
 * writes such tokens to its readers itself. A tenth of the readers of either are cut again and again and resume where
 * they were; the reader ends the bench where a token or an entry is lost, repeated or out of order. The goal is on what
 * ours adds, so the peer's figure is its p99 and what may be added to it.
 */
export const streams: Part = {
  name: "streams",
  async run(form) {
    const extent = { streams: form.short ? 10 : 64, seconds: form.short ? 1 : 2 * form.seconds };
    const source = form.resources.use(startProgram("peers/token-source.ts"));
    const baseUrl = `http://127.0.0.1:${await source.ask<number>({})}/v1`;
    const config = `providers: { openai-compatible: { baseUrl: ${JSON.stringify(baseUrl)} } }\n`;
    const daemon = await startScripted(form, { env: NO_RUNNER, config });
    await makeAgent(daemon, { model: "openai-compatible/tokens" });
    await startRunner(form, daemon, "talk");
    const bare = form.resources.use(startProgram("peers/bare-sse.ts"));
    const bareUrl = `http://127.0.0.1:${await bare.ask<number>({})}`;
    const load = form.resources.use(startProgram("load/streams.ts"));
    const cuts = { ours: 0, bare: 0 };
    const p99 = async (side: "ours" | "bare", job: Pick<StreamsJob, "url" | "agent">): Promise<number> => {
      const result = await load.ask<StreamsResult>({ ...job, ...extent } satisfies StreamsJob);
      cuts[side] += result.cuts;
      return quantile(result.latencies, 0.99);
    };
    const figures = await interleaved(form.pairs, {
      ours: () => p99("ours", { url: daemon.url, agent: AGENT }),
      bare: () => p99("bare", { url: bareUrl }),
    });
    const row = `${extent.streams} streams of ${TOKENS_PER_SECOND} tokens/s, a tenth cut and resumed: p99 of delivery`;
    const allowed = figures.bare.map((value) => value + MOST_ADDED_MS);
    const ours = { name: "stigmer", values: figures.ours };
    const peer = { name: `bare SSE server + ${MOST_ADDED_MS} ms`, values: allowed };
    const note = `${cuts.ours} readers of ours and ${cuts.bare} of the peer's were cut; nothing was lost or repeated`;
    return [rowOf({ row, unit: "ms", ours, peer, goal: "<= 1", note })];
  },
};
