import { create } from "@bufbuild/protobuf";
import { unavailable } from "@stigmer/base";
import {
  type ExecutionEvent,
  RunningCallSchema,
  StartServerSchema,
  type ToolCallEnded,
  ToolCallFinishedSchema,
  type ToolResult,
  ToolResultSchema,
} from "@stigmer/contracts/agentic";
import {
  type CallKey,
  type Connection,
  callTool as callOnRunner,
  type ExecutionState,
  type LiveStep,
  sendTo,
} from "@stigmer/execution";
import type { AskedCall } from "./asked-call.ts";
import type { CapabilityDeps } from "./deps.ts";

const RUNNER_WAIT_MS = 15_000;
const DEFAULT_TIMEOUT_S = 60;
/** A runner keeps the time of a call itself; this much later it is taken for lost. */
const GRACE_MS = 30_000;

/** The runner that a call goes to: the one that had it before, where it is connected. None where nobody will be asked. */
export async function hostFor(
  deps: CapabilityDeps,
  asked: AskedCall,
  signal: AbortSignal,
): Promise<Connection | undefined> {
  const state = await deps.executions.load(asked);
  const step = await deps.executions.step(asked, state, asked.stepKey);
  const tool = state.tools?.find(({ name }) => name === asked.call.name);
  if (step?.outcome || !tool?.server) return undefined;
  const before = deps.runners.named(asked.org, step?.runner ?? "");
  const options = { org: asked.org, affinity: before?.instance ?? "", waitMs: RUNNER_WAIT_MS, signal };
  return await deps.runners.hostingTools(options).catch(() => undefined);
}

/** After a start of the backend, the runner that has an open call may still be on its way back with it: waits for it, a lease long. */
export async function mayComeBack(deps: CapabilityDeps, asked: AskedCall, signal: AbortSignal): Promise<void> {
  const state = await deps.executions.load(asked);
  const step = state.steps.get(asked.stepKey);
  if (!step?.runner || step.outcome || deps.live.get(asked.id, asked.stepKey)) return;
  const left = deps.returnBy - deps.resources.clock.monotonic();
  if (left <= 0) return;
  const over = AbortSignal.any([signal, AbortSignal.timeout(Math.ceil(left))]);
  await new Promise<void>((resolve) => {
    const look = (): void => {
      if (!over.aborted && !deps.runners.named(asked.org, step.runner)) return;
      forget();
      resolve();
    };
    const forget = deps.runners.onConnect(look);
    over.addEventListener("abort", look, { once: true });
    look();
  });
}

type Dispatching = {
  readonly step: LiveStep;
  readonly state: ExecutionState;
  readonly asked: AskedCall;
  readonly host: Connection | undefined;
  /** JSON. */
  readonly arguments: string;
};

/** Hands a call to a runner, or joins it where a runner makes it already, and says how it ended. */
export async function dispatch(deps: CapabilityDeps, dispatching: Dispatching): Promise<ExecutionEvent["event"]> {
  const { step, asked } = dispatching;
  const started = deps.resources.clock.monotonic();
  const call = { executionId: asked.id, stepKey: asked.stepKey, attempt: step.attempt };
  const ended = await send(deps, dispatching, call);
  return finished(asked, resultOf(asked, ended), deps.resources.clock.monotonic() - started);
}

async function send(
  deps: CapabilityDeps,
  { step, state, asked, host, ...made }: Dispatching,
  key: CallKey,
): Promise<ToolCallEnded> {
  const tool = state.tools?.find(({ name }) => name === asked.call.name);
  const server = state.created?.servers.find(({ name }) => name === tool?.server);
  if (!host || !tool || !server?.spec) throw unavailable("RUNNER_NOT_CONNECTED", {});
  const { sessionId = "", workspace = "" } = state.created ?? {};
  const timeoutMs = Number(server.spec.callTimeout?.seconds ?? DEFAULT_TIMEOUT_S) * 1000 + GRACE_MS;
  const request = {
    call: create(RunningCallSchema, key),
    server: create(StartServerSchema, {
      sessionId,
      workspace,
      name: server.name,
      revision: server.revision,
      spec: server.spec,
    }),
    tool: tool.tool,
    arguments: made.arguments.trim() || "{}",
    idempotencyKey: `${asked.id}/${asked.stepKey}`,
  };
  return await callOnRunner(deps.runners, host, request, { signal: step.signal, timeoutMs });
}

/** A server that failed is something that the model is told: it may try another way. */
function resultOf(asked: AskedCall, ended: ToolCallEnded): ToolResult {
  const failure = ended.error?.message ?? "the tool gave no answer";
  const doubt = ended.notStarted ? "" : "; the call may have had its effect";
  const content = ended.result ? ended.result.content : `the tool's server failed: ${failure}${doubt}`;
  return create(ToolResultSchema, { callId: asked.call.id, content, isError: ended.result?.isError ?? true });
}

export function finished(asked: AskedCall, result: ToolResult, latencyMs: number): ExecutionEvent["event"] {
  const value = create(ToolCallFinishedSchema, {
    result,
    latencyMs: BigInt(Math.round(latencyMs)),
    requestDigest: asked.digestBytes,
  });
  return { case: "toolCallFinished", value };
}

/** Tells the runner that it need not keep the end of a call any longer. */
export function acknowledge(deps: CapabilityDeps, host: Connection | undefined, call: CallKey): void {
  const connection = host && deps.runners.byInstance(host.instance);
  if (connection) sendTo(connection, { case: "acknowledged", value: { message: { case: "call", value: call } } });
}
