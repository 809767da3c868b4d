import { Code, ConnectError } from "@connectrpc/connect";
import { type Client, readBlob, uploadBlob } from "@stigmer/client";
import type { Assignment, ModelCallFinished, ToolCall, ToolResult } from "@stigmer/contracts/agentic";
import { ToolController } from "@stigmer/contracts/capability";
import { ModelController } from "@stigmer/contracts/gateway";
import type { AgentContext, ModelAnswer, ModelRequest, PlannedStep } from "./agent.ts";
import { Failure } from "./failure.ts";
import { createRunStep, type OwnSteps } from "./own-steps.ts";
import type { Persist } from "./persist.ts";
import { plannedThatFit } from "./planned-calls.ts";

export type ContextDeps = {
  readonly client: Client;
  readonly signal: AbortSignal;
  /** Makes a call until it has an outcome. */
  readonly persist: Persist;
  readonly steps: OwnSteps;
  /** Ends the attempt because the execution waits. */
  readonly park: () => void;
};

type Ids = { readonly executionId: string; readonly epoch: bigint };

export function createAttemptContext(assignment: Assignment, deps: ContextDeps): AgentContext {
  const { lease, agent } = assignment;
  if (!lease || !agent) throw new Failure("INVALID_REQUEST", "the assignment names no lease or no agent");
  const ids = { executionId: lease.executionId, epoch: lease.epoch };
  const call: Calling = (make) => deps.persist(() => withOwnSignal(deps.signal, make));
  return {
    ...ids,
    agent,
    history: assignment.history,
    message: assignment.message,
    attachments: assignment.attachments,
    skills: assignment.skills,
    planFirst: assignment.planFirst,
    variables: assignment.variables,
    maxToolRounds: assignment.maxToolRounds,
    contextWindow: Number(assignment.contextWindow),
    historyTokens: Number(assignment.historyTokens),
    signal: deps.signal,
    listTools: async () => (await call((signal) => deps.client.service(ToolController).list(ids, { signal }))).tools,
    generate: (stepKey, request) => call((signal) => generate(deps, { ...ids, stepKey, ...request }, signal)),
    run: createRunStep({ steps: deps.steps, lease, fresh: assignment.fresh, signal: deps.signal, park: deps.park }),
    async callTool(stepKey, toolCall, { planned = [] } = {}) {
      const step = { ...ids, stepKey, call: toolCall, planned: plannedThatFit(planned) };
      return await call((signal) => callTool(deps, step, signal));
    },
    saveBlob: async (content) => (await call((signal) => uploadBlob(deps.client, content, { signal }))).digest,
    readBlob: (digest) => call((signal) => readBlob(deps.client, digest, { signal })),
  };
}

type Calling = <T>(make: (signal: AbortSignal) => Promise<T>) => Promise<T>;

// What a call holds on to, its request above all, would otherwise be kept by the attempt's signal until the attempt is over.
async function withOwnSignal<T>(outer: AbortSignal, make: (signal: AbortSignal) => Promise<T>): Promise<T> {
  outer.throwIfAborted();
  const own = new AbortController();
  const abort = (): void => own.abort(outer.reason);
  outer.addEventListener("abort", abort);
  try {
    return await make(own.signal);
  } finally {
    outer.removeEventListener("abort", abort);
  }
}

async function generate(
  { client }: ContextDeps,
  { onText, ...step }: Ids & ModelRequest & { readonly stepKey: string },
  signal: AbortSignal,
): Promise<ModelAnswer> {
  const request = { ...step, messages: [...step.messages], tools: [...step.tools] };
  const answers = client.service(ModelController).generate(request, { signal });
  let text = "";
  const result = await lastOf(answers, ({ message }) => {
    if (message.case === "result") return message.value;
    text = message.case === "delta" ? text + message.value : "";
    onText?.(text);
    return undefined;
  });
  return answerOf(result);
}

async function callTool(
  { client, signal: attempt, park }: ContextDeps,
  step: Ids & { readonly stepKey: string; readonly call: ToolCall; readonly planned: PlannedStep[] },
  signal: AbortSignal,
): Promise<ToolResult> {
  const answers = client.service(ToolController).call(step, { signal });
  const result = await lastOf(answers, ({ message }) => (message.case ? message : undefined));
  if (result.case === "result") return result.value;
  park();
  throw attempt.reason;
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
  const { message, error, finishReason, servedModel, usage, contextWindow } = finished;
  if (error) throw new Failure(error.reason || "INTERNAL", error.message);
  if (!message) throw new Failure("INTERNAL", "the model call has neither a message nor an error");
  return { message, finishReason, servedModel, usage, contextWindow: Number(contextWindow) };
}
