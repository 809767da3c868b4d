/** The peer's runner: a worker of BullMQ. A job's data is the time of the monotonic clock at which it was added. */
import { Worker } from "bullmq";
import { answerQuestions } from "../harness/programs.ts";
import { QUEUE } from "./bullmq.ts";

const noted: number[] = [];

answerQuestions<{ readonly port: number } | { readonly noted: true }, readonly number[]>(async (question) => {
  if ("noted" in question) return noted.splice(0);
  const connection = { host: "127.0.0.1", port: question.port, maxRetriesPerRequest: null };
  const start = async ({ data }: { readonly data: string }): Promise<void> => {
    noted.push(Number(process.hrtime.bigint() - BigInt(data)) / 1e6);
  };
  await new Worker<string>(QUEUE, start, { connection, concurrency: 64 }).waitUntilReady();
  return [];
});
