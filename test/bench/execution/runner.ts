/** A runner outside of the daemon, as a user of the SDK writes one; the loops are what the rows need. */
import { randomUUID } from "node:crypto";
import { setTimeout } from "node:timers/promises";
import { connectTo } from "@stigmer/client/node";
import { type AgentContext, type AgentLoop, create, Role, runRunner, ToolCallSchema, textMessage } from "@stigmer/sdk";
import { answerQuestions } from "../harness/programs.ts";
import { RUNNER, SLOW_STEP_MS, SLOW_STEPS, STEPS } from "./names.ts";
import { createToolHost } from "./tool-host.ts";

/** What to do: connect to a daemon, hand out what was noted since the last time, or tell how many steps ended or attempts were parked. */
export type RunnerQuestion =
  | { readonly url: string; readonly loop: LoopName; readonly slots: number }
  | { readonly noted: true }
  | { readonly ended: true }
  | { readonly parked: true };

export type LoopName = keyof typeof LOOPS;

const noted: number[] = [];
let ended = 0;
let parked = 0;

const LOOPS = {
  /** Ends at once. */
  nothing: async () => "",
  /** Makes so many steps, one after the other, each of which does nothing. */
  steps: async ({ run }) => {
    for (let step = 1; step <= STEPS; step++) {
      await run(`step/${step}`, () => "ok", { repeatable: true });
      ended++;
    }
    return "done";
  },
  /** The same for long, and notes when each step has ended for the first time. */
  slowSteps: async ({ run }) => {
    for (let step = 1; step <= SLOW_STEPS; step++) {
      let hasRun = false;
      const act = (): Promise<string> => {
        hasRun = true;
        return setTimeout(SLOW_STEP_MS, "ok");
      };
      await run(`step/${step}`, act, { repeatable: true });
      if (hasRun) noted.push(monotonicMs());
    }
    return "done";
  },
  /** Notes how many milliseconds ago its message was written, which is the time of the monotonic clock in nanoseconds. */
  sinceStart: async ({ message }) => {
    noted.push(monotonicMs() - Number(message) / 1e6);
    return "";
  },
  /** Asks the model once. */
  talk: async (context) => {
    await ask(context, 1);
    return "";
  },
  /** Calls a tool for which a person is asked. */
  askPerson: async (context) => {
    const [tool] = await context.listTools();
    context.signal.addEventListener("abort", () => parked++, { once: true });
    const call = create(ToolCallSchema, { id: "1", name: tool?.name ?? "", arguments: "{}" });
    return (await context.callTool("tool/1", call)).content;
  },
} satisfies Record<string, AgentLoop>;

async function ask(context: AgentContext, step: number): Promise<void> {
  await context.generate(`step/${step}`, { messages: [textMessage(Role.USER, context.message)], tools: [] });
  ended++;
}

function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

answerQuestions<RunnerQuestion, number | readonly number[]>(async (question) => {
  if ("noted" in question) return noted.splice(0);
  if ("ended" in question) return ended;
  if ("parked" in question) return parked;
  const { url, loop, slots } = question;
  const end = runRunner({
    ...{ client: connectTo({ url }), name: RUNNER, instance: randomUUID(), slots, agent: LOOPS[loop] },
    ...(loop === "askPerson" && { tools: createToolHost(() => noted.push(monotonicMs())) }),
  });
  end.catch((error: unknown) => {
    console.error(error);
    process.exit(1);
  });
  return [];
});
