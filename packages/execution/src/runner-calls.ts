import type { MessageInitShape } from "@bufbuild/protobuf";
import { isFault, unavailable } from "@stigmer/base";
import type { CallToolSchema, ServerStarted, StartServerSchema, ToolCallEnded } from "@stigmer/contracts/agentic";
import { CallParked } from "./call-parked.ts";
import { type CallKey, type Connection, callKey, type Runners, sendTo } from "./runners.ts";

const START_TIMEOUT_S = 30;
/** A runner keeps the time of a start itself; this much later it is taken for lost. */
const START_GRACE_MS = 30_000;

/** Asks a runner to start a server and waits for its tools; refuses where the runner is lost or says nothing for too long. */
export async function startServer(
  runners: Runners,
  connection: Connection,
  server: MessageInitShape<typeof StartServerSchema>,
  signal: AbortSignal,
): Promise<ServerStarted> {
  const requestId = crypto.randomUUID(); // a runner may still owe an answer to a backend that is gone
  const line = runners.byInstance(connection.instance);
  if (!line) throw unavailable("RUNNER_NOT_CONNECTED", {}, { message: "the runner was lost before it was asked" });
  runners.starts.open(requestId, line.instance);
  sendTo(line, { case: "startServer", value: { ...server, requestId } });
  const timeoutMs = Number(server.spec?.startTimeout?.seconds ?? START_TIMEOUT_S) * 1000 + START_GRACE_MS;
  return await within(timeoutMs, signal, (limited) => runners.starts.wait(requestId, limited));
}

/**
 * Hands a call to a runner, by the newest line of its process; false where that has none: on a line that has ended nobody would
 * hear it.
 */
export function sendCall(
  runners: Runners,
  { instance }: Connection,
  request: MessageInitShape<typeof CallToolSchema> & { readonly call: CallKey },
): boolean {
  const line = runners.byInstance(instance);
  if (!line) return false;
  runners.calls.open(callKey(request.call), instance);
  sendTo(line, { case: "callTool", value: request });
  return true;
}

/**
 * Waits for the end of a call that a runner makes, at most `timeoutMs`; refuses with `RUNNER_NOT_CONNECTED` where none makes it. An
 * abort tells the runner to stop the call, unless it is only the backend that stops: the runner comes back with its end; or
 * unless the call is parked: its end is then waited for later.
 */
export async function endOfCall(
  runners: Runners,
  { instance }: Connection,
  call: CallKey,
  { signal, timeoutMs }: { readonly signal: AbortSignal; readonly timeoutMs: number },
): Promise<ToolCallEnded> {
  return await within(timeoutMs, signal, async (limited) => {
    const cancel = (): void => {
      if (isFault(limited.reason, "SHUTTING_DOWN") || limited.reason instanceof CallParked) return;
      const line = runners.byInstance(instance);
      if (line) sendTo(line, { case: "cancelTool", value: { call } });
    };
    limited.addEventListener("abort", cancel, { once: true });
    try {
      return await runners.calls.wait(callKey(call), limited);
    } finally {
      limited.removeEventListener("abort", cancel);
    }
  });
}

/** Runs with a signal that aborts with the given one, and after `ms`. */
async function within<T>(ms: number, signal: AbortSignal, run: (limited: AbortSignal) => Promise<T>): Promise<T> {
  const late = new AbortController();
  const fault = unavailable("TOOL_SERVER_FAILED", {}, { message: "the runner did not answer in time" });
  const timer = setTimeout(() => late.abort(fault), ms);
  try {
    return await run(AbortSignal.any([signal, late.signal]));
  } finally {
    clearTimeout(timer);
  }
}
