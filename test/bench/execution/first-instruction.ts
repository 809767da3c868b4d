import { eventually } from "@stigmer/e2e/harness";
import { type Program, startProgram } from "../harness/programs.ts";
import { quantile, rowOf } from "../harness/row.ts";
import { interleaved, type Part } from "../harness/run-bench.ts";
import type { PacedJob } from "../load/paced-starts.ts";
import { BULLMQ, BULLMQ_MISSING, startBullMq } from "../peers/bullmq.ts";
import { startDriven } from "./driven-daemon.ts";
import { AGENT } from "./names.ts";

const PAUSE_MS = 8;

/**
 * From the client's call that starts an execution until the first instruction of its loop in an idle runner; of BullMQ,
 * from `add` until the first instruction of its processor in an idle worker. Client and runner are processes of their own
 * that read one monotonic clock. The commit is within: neither side tells when it was.
 */
export const firstInstruction: Part = {
  name: "first instruction",
  async run(form) {
    const count = form.short ? 20 : 500;
    const load = form.resources.use(startProgram("load/paced-starts.ts"));
    const latencies = async (target: PacedJob["target"], runner: Program): Promise<number[]> => {
      await load.ask({ target, count, pauseMs: PAUSE_MS } satisfies PacedJob);
      const noted: number[] = [];
      const enough = async (): Promise<true | undefined> => {
        noted.push(...(await runner.ask<readonly number[]>({ noted: true })));
        return noted.length >= count || undefined;
      };
      await eventually(enough, "every start to be taken");
      return noted.slice(-count);
    };
    const { daemon, runner } = await startDriven(form, "sinceStart");
    const bullMq = await startBullMq(form.resources);
    const p99 = { ours: [] as number[], bullMq: [] as number[] };
    const p50 = (values: number[], tail: number[]): number => {
      tail.push(quantile(values, 0.99));
      return quantile(values, 0.5);
    };
    const medians = await interleaved(form.pairs, {
      ours: async () => p50(await latencies({ url: daemon.url, agent: AGENT }, runner), p99.ours),
      bullMq: async () =>
        bullMq ? p50(await latencies({ port: bullMq.port }, bullMq.worker), p99.bullMq) : Number.NaN,
    });
    const row = (what: string, ours: readonly number[], theirs: readonly number[]) =>
      rowOf({
        row: `start to first instruction at an idle runner, ${what}`,
        unit: "ms",
        ours: { name: "stigmer", values: ours },
        peer: bullMq ? { name: BULLMQ, values: theirs } : { name: BULLMQ, missing: BULLMQ_MISSING },
        goal: "<= 1",
      });
    return [row("p50", medians.ours, medians.bullMq), row("p99", p99.ours, p99.bullMq)];
  },
};
