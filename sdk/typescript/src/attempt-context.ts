import { Code, ConnectError } from "@connectrpc/connect";
import type { Client } from "@stigmer/client";
import type { Assignment, ModelCallFinished, ToolCall, ToolResult } from "@stigmer/contracts/agentic";
import { ToolController } from "@stigmer/contracts/capability";
import { ModelController } from "@stigmer/contracts/gateway";
import type { AgentContext, ModelAnswer, ModelRequest } from "./agent.ts";
import { Failure } from "./failure.ts";
import type { Persist } from "./persist.ts";

export type ContextDeps = {
  readonly client: Client;
  readonly signal: AbortSignal;
  /** Makes a call until it has an outcome. */
  readonly persist: Persist;
  /** Ends the attempt because a person is asked. */
  readonly park: () => void;
};

type Ids = { readonly executionId: string; readonly epoch: bigint };

export function createAttemptContext(assignment: Assignment, deps: ContextDeps): AgentContext {
  const { lease, agent } = assignment;
  if (!lease || !agent) throw new Failure("INVALID_REQUEST", "the assignment names no lease or no agent");
  const ids = { executionId: lease.executionId, epoch: lease.epoch };
  const options = { signal: deps.signal };
  return {
    ...ids,
    agent,
    history: assignment.history,
    message: assignment.message,
    signal: deps.signal,
    listTools: async () => (await deps.persist(() => deps.client.service(ToolController).list(ids, options))).tools,
    generate: (stepKey, request) => deps.persist(() => generate(deps, ids, { stepKey, ...request })),
    callTool: (stepKey, call) => deps.persist(() => callTool(deps, ids, { stepKey, call })),
  };
}

async function generate(
  deps: ContextDeps,
  ids: Ids,
  step: ModelRequest & { readonly stepKey: string },
): Promise<ModelAnswer> {
  const request = { ...ids, stepKey: step.stepKey, messages: [...step.messages], tools: [...step.tools] };
  const answers = deps.client.service(ModelController).generate(request, { signal: deps.signal });
  let text = "";
  const result = await lastOf(answers, ({ message }) => {
    if (message.case === "result") return message.value;
    text = message.case === "delta" ? text + message.value : "";
    step.onText?.(text);
    return undefined;
  });
  return answerOf(result);
}

async function callTool(
  deps: ContextDeps,
  ids: Ids,
  step: { readonly stepKey: string; readonly call: ToolCall },
): Promise<ToolResult> {
  const answers = deps.client.service(ToolController).call({ ...ids, ...step }, { signal: deps.signal });
  const result = await lastOf(answers, ({ message }) => (message.case ? message : undefined));
  if (result.case === "result") return result.value;
  deps.park();
  throw deps.signal.reason;
}

// Reads on to the end of the stream: leaving it early would reset it, and servers count resets as an attack.
async function lastOf<T, R>(stream: AsyncIterable<T>, read: (item: T) => R | undefined): Promise<R> {
  let outcome: R | undefined;
  try {
    for await (const item of stream) outcome ??= read(item);
  } catch (error) {
    if (outcome === undefined) throw error;
  }
  if (outcome === undefined) throw new ConnectError("the stream ended without an outcome", Code.Aborted);
  return outcome;
}

function answerOf(finished: ModelCallFinished): ModelAnswer {
  const { message, error, finishReason, servedModel, usage } = finished;
  if (error) throw new Failure(error.reason || "INTERNAL", error.message);
  if (!message) throw new Failure("INTERNAL", "the model call has neither a message nor an error");
  return { message, finishReason, servedModel, usage };
}
