/** Starts one thing after the other, each with the time of the monotonic clock, so slowly that whoever takes it is idle again. */
import { setTimeout } from "node:timers/promises";
import { connectTo } from "@stigmer/client/node";
import { AgentExecutionCommandController } from "@stigmer/contracts/agentic";
import { Queue } from "bullmq";
import { answerQuestions } from "../harness/programs.ts";
import { QUEUE } from "../peers/bullmq.ts";

export type PacedJob = {
  /** An execution of ours, or a job of BullMQ. */
  readonly target: { readonly url: string; readonly agent: string } | { readonly port: number };
  readonly count: number;
  /** From an acknowledgement to the next start. */
  readonly pauseMs: number;
};

const WARM_UP = 50;

answerQuestions<PacedJob, void>(async ({ target, count, pauseMs }) => {
  await using starter = "url" in target ? ours(target.url, target.agent) : bullMq(target.port);
  for (let at = 0; at < WARM_UP + count; at++) {
    await starter.start(`${process.hrtime.bigint()}`);
    await setTimeout(pauseMs);
  }
});

type Starter = AsyncDisposable & { readonly start: (now: string) => Promise<unknown> };

function ours(url: string, agent: string): Starter {
  const client = connectTo({ url });
  const { create } = client.service(AgentExecutionCommandController);
  return {
    start: (message) => create({ metadata: {}, spec: { agent, message } }),
    [Symbol.asyncDispose]: async () => client.close(),
  };
}

function bullMq(port: number): Starter {
  const queue = new Queue<string>(QUEUE, { connection: { host: "127.0.0.1", port } });
  return {
    start: (now) => queue.add("job", now, { removeOnComplete: true }),
    [Symbol.asyncDispose]: () => queue.close(),
  };
}
