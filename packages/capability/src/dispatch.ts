import { create } from "@bufbuild/protobuf";
import { isFault, unavailable } from "@stigmer/base";
import {
  type ExecutionEvent,
  type McpServerSpec,
  RunningCallSchema,
  StartServerSchema,
  type ToolCallEnded,
  ToolCallEndedSchema,
  ToolCallFinishedSchema,
  type ToolDefinition,
  type ToolResult,
  ToolResultSchema,
} from "@stigmer/contracts/agentic";
import {
  type CallKey,
  type Connection,
  type ExecutionState,
  endOfCall,
  type LiveStep,
  sendCall,
  sendTo,
} from "@stigmer/execution";
import type { AskedCall } from "./asked-call.ts";
import type { CapabilityDeps } from "./deps.ts";
import { SCOPE_MISSING, scopeMissing } from "./scope-missing.ts";
import { type ServerUse, signedStart, useOf } from "./server-use.ts";
import { ToolMoved } from "./tool-moved.ts";

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
  /** The tool as the call was judged. */
  readonly tool: ToolDefinition | undefined;
  /** Whether the runner makes the call already: then its end is only waited for. */
  readonly isMade: boolean;
  /** Whether a token that the server refuses may be renewed, and the call made again. */
  readonly mayRenew: boolean;
  /** JSON. */
  readonly arguments: string;
};

/** Hands a call to a runner, unless one makes it already, and says how it ended. */
export async function dispatch(deps: CapabilityDeps, dispatching: Dispatching): Promise<ExecutionEvent["event"]> {
  const { step, asked } = dispatching;
  const started = deps.resources.clock.monotonic();
  const call = { executionId: asked.id, stepKey: asked.stepKey, attempt: step.attempt };
  const ended = await send(deps, dispatching, call);
  if (ended.error?.reason === "TOOL_CHANGED" && ended.notStarted) throw new ToolMoved(step.attempt, "tool");
  return finished(asked, resultOf(asked, ended), deps.resources.clock.monotonic() - started);
}

async function send(
  deps: CapabilityDeps,
  { step, state, asked, host, tool, isMade, mayRenew, ...made }: Dispatching,
  key: CallKey,
): Promise<ToolCallEnded> {
  const server = state.created?.servers.find(({ name }) => name === tool?.server);
  if (!host || !tool || !server?.spec) throw unavailable("RUNNER_NOT_CONNECTED", {});
  const use = useOf(asked.org, state, server);
  const start = await signedStart(deps, use).catch(toldToModel);
  if (!("name" in start)) return start;
  deps.listings.used(asked.org, start);
  const timeoutMs = timeoutOf(server.spec);
  const request = {
    call: create(RunningCallSchema, key),
    server: create(StartServerSchema, start),
    tool: tool.tool,
    definition: tool,
    arguments: made.arguments.trim() || "{}",
    idempotencyKey: `${asked.id}/${asked.stepKey}`,
  };
  if (!isMade && !sendCall(deps.runners, host, request)) throw new ToolMoved(step.attempt, "runner");
  const ended = await endOfCall(deps.runners, host, key, { signal: step.signal, timeoutMs });
  if (ended.error?.reason === SCOPE_MISSING) return await askedForMore(deps, use, ended);
  const isRefused = ended.error?.reason === "SIGN_IN_REQUIRED" && ended.notStarted;
  if (!isRefused || !start.accessToken || !mayRenew) return ended;
  const renewed = await signedStart(deps, use, start.accessToken).catch(toldToModel);
  if (!("name" in renewed)) return renewed;
  throw new ToolMoved(step.attempt, "token");
}

/** That a person has to sign in is no failure of the execution: the model is told, and may try another way. */
function toldToModel(error: unknown): ToolCallEnded {
  if (!isFault(error, "SIGN_IN_REQUIRED")) throw error;
  const { reason, message } = error;
  return create(ToolCallEndedSchema, { error: { reason, message }, notStarted: true });
}

/** The same for scopes that the sign-in does not have: which command gets them is told. */
async function askedForMore(deps: CapabilityDeps, { org, server }: ServerUse, ended: ToolCallEnded) {
  const { reason, message } = await scopeMissing(deps, { org, server, missing: ended.missingScopes });
  return create(ToolCallEndedSchema, { error: { reason, message }, notStarted: ended.notStarted });
}

/** How long a call is waited for. */
export function timeoutOf(spec: McpServerSpec | undefined): number {
  return Number(spec?.callTimeout?.seconds ?? DEFAULT_TIMEOUT_S) * 1000 + GRACE_MS;
}

/** A server that failed is something that the model is told: it may try another way. */
function resultOf(asked: AskedCall, ended: ToolCallEnded): ToolResult {
  const failure = ended.error?.message ?? "the tool gave no answer";
  const doubt = ended.notStarted ? "" : "; the call may have had its effect";
  const content = ended.result ? ended.result.content : `the tool's server failed: ${failure}${doubt}`;
  const { isError = true, attachments = [] } = ended.result ?? {};
  return create(ToolResultSchema, { callId: asked.call.id, content, isError, attachments });
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
