/** Starts executions and waits for their end, so many at once: of ours, or of Restate. A process of its own. */
import { fromBinary } from "@bufbuild/protobuf";
import type { Client } from "@stigmer/client";
import { connectTo } from "@stigmer/client/node";
import {
  AgentExecutionCommandController,
  ExecutionEventSchema,
  ExecutionPhase,
  ExecutionQueryController,
} from "@stigmer/contracts/agentic";
import { answerQuestions } from "../harness/programs.ts";
import { openConnections, post } from "./grpc.ts";
import { type LanesJob, type LanesResult, runLanes } from "./lanes.ts";

export type ExecutionsJob = LanesJob & {
  readonly url: string;
  /** Ours: the agent, and the entry of the journal from which on to look for the end. Restate: the handler and what it is given. */
  readonly target:
    | { readonly agent: string; readonly lookFrom: number }
    | { readonly handler: string; readonly input: unknown };
};

answerQuestions<ExecutionsJob, LanesResult>(async (job) => {
  const { target } = job;
  if ("agent" in target) {
    const client = connectTo({ url: job.url });
    const result = await runLanes(job, () => execute(client, target.agent, target.lookFrom));
    client.close();
    return result;
  }
  using connections = await openConnections(job.url, 1);
  const body = Buffer.from(JSON.stringify(target.input));
  return await runLanes(job, async () => {
    await post(connections.next(), new URL(target.handler, job.url), body);
  });
});

async function execute(client: Client, agent: string, lookFrom: number): Promise<void> {
  const started = await client
    .service(AgentExecutionCommandController)
    .create({ metadata: {}, spec: { agent, message: "go" } });
  const executionId = started.metadata?.id ?? "";
  const request = { executionId, fromSequence: BigInt(lookFrom) };
  for await (const { message } of client.service(ExecutionQueryController).subscribe(request)) {
    if (message.case !== "entry") continue;
    const { event } = fromBinary(ExecutionEventSchema, message.value.event);
    if (event.case !== "phaseChanged" || event.value.phase < ExecutionPhase.SUCCEEDED) continue;
    if (event.value.phase === ExecutionPhase.SUCCEEDED) return;
    throw new Error(`execution ${executionId} ended as ${ExecutionPhase[event.value.phase]}`);
  }
  throw new Error(`the stream of execution ${executionId} ended before it`);
}
