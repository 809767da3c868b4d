import { type Program, startProgram } from "../harness/programs.ts";
import { startRedis } from "./redis.ts";

export const BULLMQ = "bullmq 6.7 on redis";
export { REDIS_MISSING as BULLMQ_MISSING } from "./redis.ts";
export const QUEUE = "bench";

export type BullMq = { readonly port: number; readonly worker: Program };

/** Starts Redis and a worker of BullMQ; undefined where Redis is not on the machine. */
export async function startBullMq(resources: AsyncDisposableStack): Promise<BullMq | undefined> {
  const port = await startRedis(resources);
  if (port === undefined) return undefined;
  const worker = resources.use(startProgram("peers/bullmq-worker.ts"));
  await worker.ask({ port });
  return { port, worker };
}
