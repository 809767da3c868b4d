/** The peer's runner: a service of Restate's SDK, whose steps do nothing, or wait for a moment. */
import { createServer } from "node:http2";
import { setTimeout } from "node:timers/promises";
import { type Context, createEndpointHandler, service } from "@restatedev/restate-sdk";
import { SLOW_STEP_MS } from "../execution/names.ts";
import { answerQuestions } from "../harness/programs.ts";

/** What to do: listen on a port, hand out when slow steps ended, by the monotonic clock, since it was asked last, or tell how many steps ended. */
type Question = { readonly listen: number } | { readonly noted: true } | { readonly ended: true };

const noted: number[] = [];
let ended = 0;

const bench = service({
  name: "bench",
  handlers: {
    nothing: async () => "",
    steps: async (context: Context, count: number) => {
      for (let step = 1; step <= count; step++) await runStep(context, step, () => "ok");
      return "done";
    },
    slowSteps: async (context: Context, count: number) => {
      for (let step = 1; step <= count; step++) {
        const hasRun = await runStep(context, step, () => setTimeout(SLOW_STEP_MS, "ok"));
        if (hasRun) noted.push(Number(process.hrtime.bigint()) / 1e6);
      }
      return "done";
    },
  },
});

/** Whether the step has run: one that has ended before returns its result, and does not run. */
async function runStep(context: Context, step: number, act: () => string | Promise<string>): Promise<boolean> {
  let hasRun = false;
  await context.run(`step ${step}`, () => {
    hasRun = true;
    return act();
  });
  if (hasRun) ended++;
  return hasRun;
}

const server = createServer(createEndpointHandler({ services: [bench], logger: () => {} }));

answerQuestions<Question, number | readonly number[]>(async (question) => {
  if ("ended" in question) return ended;
  if ("noted" in question) return noted.splice(0);
  await new Promise<void>((resolve) => server.listen(question.listen, "127.0.0.1", resolve));
  return [];
});
