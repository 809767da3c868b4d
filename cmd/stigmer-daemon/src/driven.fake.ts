import type { MessageInitShape } from "@bufbuild/protobuf";
import type { Client } from "@stigmer/client";
import {
  type HelloSchema,
  type Lease,
  type MessageSchema,
  Role,
  type ToolCallSchema,
} from "@stigmer/contracts/agentic";
import { type CallToolResponse, ToolController } from "@stigmer/contracts/capability";
import { type GenerateResponse, ModelController } from "@stigmer/contracts/gateway";
import { execute, idOf } from "./resources.fake.ts";
import { connectRunner, leaseOf, type RunnerLine } from "./runner-line.fake.ts";

/** An execution that a runner under the test's control has the lease of. */
export type Driven = { readonly id: string; readonly lease: Lease; readonly line: RunnerLine };

export async function drive(
  client: Client,
  model: string,
  hello: MessageInitShape<typeof HelloSchema> = {},
): Promise<Driven> {
  const line = await connectRunner(client, hello);
  const started = await execute(client, { model });
  const assignment = await line.next("assignment");
  return { id: idOf(started), lease: leaseOf(assignment), line };
}

export type Asking = { readonly stepKey?: string; readonly text?: string; readonly signal?: AbortSignal };

/** Asks the model under a lease; the step is `model` and the text `hi` unless told. */
export function generate(
  client: Client,
  lease: { readonly executionId: string; readonly epoch: bigint },
  { stepKey = "model", text = "hi", signal }: Asking = {},
): AsyncIterable<GenerateResponse> {
  const message: MessageInitShape<typeof MessageSchema> = {
    role: Role.USER,
    parts: [{ part: { case: "text", value: text } }],
  };
  const { executionId, epoch } = lease;
  const options = signal ? { signal } : {};
  return client.service(ModelController).generate({ executionId, epoch, stepKey, messages: [message] }, options);
}

/** Calls a tool under a lease; answers with the one message that comes back. */
export async function callTool(
  client: Client,
  lease: { readonly executionId: string; readonly epoch: bigint },
  call: MessageInitShape<typeof ToolCallSchema>,
  stepKey = "tool",
): Promise<CallToolResponse["message"]> {
  const { executionId, epoch } = lease;
  const request = { executionId, epoch, stepKey, call: { id: "c1", arguments: "{}", ...call } };
  let last: CallToolResponse["message"] = { case: undefined };
  for await (const { message } of client.service(ToolController).call(request)) last = message;
  return last;
}
