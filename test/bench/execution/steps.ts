import { setTimeout } from "node:timers/promises";
import { type Program, startProgram } from "../harness/programs.ts";
import { rowOf } from "../harness/row.ts";
import { type Form, interleaved, type Part } from "../harness/run-bench.ts";
import type { ExecutionsJob } from "../load/executions.ts";
import type { LanesJob, LanesResult } from "../load/lanes.ts";
import { DBOS, DBOS_MISSING, startDbos } from "../peers/dbos.ts";
import { RESTATE, startRestate } from "../peers/restate.ts";
import { startDriven } from "./driven-daemon.ts";
import { AGENT, STEPS } from "./names.ts";

/** Created, pending, leased, running, and an entry for each step; an entry more or less does no harm. */
const LOOK_FROM = 4 + STEPS;
const CTX_RUN = `${RESTATE} ctx.run`;

/**
 * From the client's call that starts an execution of ten steps until it knows that the execution has ended, one after the
 * other. A step of ours is `context.run` of a function that does nothing and may be made again: it runs in the runner, which
 * sends the result and waits until it is recorded; one synced commit. A step of Restate is `ctx.run` of the same function:
 * it runs in the service, which sends the result and waits until it is acknowledged; one synced write.
 */
export const steps: Part = {
  name: "steps one at a time",
  async run(form) {
    const sides = await startSides(form);
    const p50 = async (job: Target): Promise<number> => {
      const whole: ExecutionsJob = { ...job, inFlight: 1, seconds: form.seconds };
      return (await sides.load.ask<LanesResult>(whole)).p50;
    };
    const figures = await interleaved(form.pairs, { ours: () => p50(sides.ours), restate: () => p50(sides.restate) });
    const row = `${STEPS} sequential steps, one execution at a time, p50`;
    const ours = { name: "stigmer", values: figures.ours };
    return [rowOf({ row, unit: "ms", ours, peer: { name: CTX_RUN, values: figures.restate }, goal: "<= 0.6" })];
  },
};

/**
 * The same with 64 executions in flight, in steps each second, as the runner, the service or DBOS's program counts them.
 * DBOS is a library, so its program is client and runner at once: nothing goes over a network but its SQL. Its step
 * commits one row to Postgres.
 */
export const manySteps: Part = {
  name: "steps in flight",
  async run(form) {
    const sides = await startSides(form);
    const dbos = await startDbos(form.resources);
    const extent: LanesJob = { inFlight: 64, seconds: 1.5 * form.seconds };
    const rate = async (counter: Program, run: () => Promise<unknown>): Promise<number> => {
      const [perSecond] = await Promise.all([stepsPerSecond(counter, form.seconds), run()]);
      return perSecond;
    };
    const figures = await interleaved(form.pairs, {
      ours: () => rate(sides.runner, () => sides.load.ask({ ...sides.ours, ...extent } satisfies ExecutionsJob)),
      restate: () => rate(sides.service, () => sides.load.ask({ ...sides.restate, ...extent } satisfies ExecutionsJob)),
      dbos: async () => (dbos ? rate(dbos, () => dbos.ask(extent)) : Number.NaN),
    });
    const row = `${STEPS} sequential steps, 64 executions in flight`;
    const ours = { row, unit: "steps/s", ours: { name: "stigmer", values: figures.ours } };
    const theirs = dbos ? { name: DBOS, values: figures.dbos } : { name: DBOS, missing: DBOS_MISSING };
    return [
      rowOf({ ...ours, peer: { name: CTX_RUN, values: figures.restate }, goal: ">= 2.5" }),
      rowOf({ ...ours, peer: theirs, goal: ">= 5" }),
    ];
  },
};

type Target = Pick<ExecutionsJob, "url" | "target">;
type Sides = {
  readonly load: Program;
  readonly runner: Program;
  readonly service: Program;
  readonly ours: Target;
  readonly restate: Target;
};

async function startSides(form: Form): Promise<Sides> {
  const { daemon, runner } = await startDriven(form, "steps");
  const { url, service } = await startRestate(form.resources);
  return {
    load: form.resources.use(startProgram("load/executions.ts")),
    runner,
    service,
    ours: { url: daemon.url, target: { agent: AGENT, lookFrom: LOOK_FROM } },
    restate: { url, target: { handler: "/bench/steps", input: STEPS } },
  };
}

/** Counts for so many seconds, after as many to warm up; longer where no step has ended by then. */
async function stepsPerSecond(counter: Program, seconds: number): Promise<number> {
  const count = (): Promise<number> => counter.ask<number>({ ended: true });
  await setTimeout(seconds * 1000);
  const [before, from] = [await count(), performance.now()];
  for (;;) {
    await setTimeout(seconds * 1000);
    const ended = (await count()) - before;
    if (ended > 0) return (1000 * ended) / (performance.now() - from);
  }
}
