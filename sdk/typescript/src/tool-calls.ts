import type { CallTool, RunningCall, StartServer, StopServer } from "@stigmer/contracts/agentic";
import { Failure, failureOf } from "./failure.ts";
import type { Outgoing } from "./link.ts";
import type { Log } from "./log.ts";
import { requireFits } from "./payload-limit.ts";
import { type ContextDeps, createHostNews, createToolCallContext } from "./tool-call-context.ts";
import type { ToolAnswer, ToolHost, ToolListing } from "./tool-host.ts";
import { toolServerOf } from "./tool-server.ts";

/** The tool calls that run, or whose end was not acknowledged. One per execution, step and try, however often asked. */
export interface ToolCalls {
  call(request: CallTool): void;
  /**
   * Asks a call to stop. Its end is reported all the same: the tool's answer where one comes in time, else CANCELLED, which a
   * second cancel says at once.
   */
  cancel(call: RunningCall): void;
  acknowledge(call: RunningCall): void;
  startServer(request: StartServer): void;
  stopServer(request: StopServer): void;
  open(): RunningCall[];
  /** Sends again what ended and was not acknowledged. */
  resend(): void;
  cancelAll(): void;
}

export type ToolCallsDeps = ContextDeps & {
  readonly host: ToolHost | undefined;
  readonly log: Log;
  /** There may be nothing left to do. */
  readonly changed: () => void;
};

type Entry = {
  readonly call: RunningCall;
  readonly controller: AbortController;
  /** Ends the call with an error, whatever the tool does. */
  readonly giveUp: (why: Failure) => void;
  patience?: NodeJS.Timeout;
  report?: Outgoing;
};

// As many as a hello can name.
const MOST_OPEN = 10_000;
const MOST_TOOLS = 1_024;
/** How long a tool that is asked to stop has to answer. */
const STOP_PATIENCE_MS = 10_000;

export function createToolCalls(deps: ToolCallsDeps): ToolCalls {
  const entries = new Map<string, Entry>();
  deps.host?.tell?.(createHostNews(deps.link, () => new Date()));
  const remove = (call: RunningCall): void => {
    const entry = entries.get(keyOf(call));
    if (!entry) return;
    entries.delete(keyOf(call));
    clearTimeout(entry.patience);
    entry.controller.abort(cancelled());
    deps.changed();
  };
  const begin = (call: RunningCall, request: CallTool): void => {
    const over = Promise.withResolvers<Failure>();
    const entry: Entry = { call, controller: new AbortController(), giveUp: over.resolve };
    entries.set(keyOf(call), entry);
    // Never rejects.
    void Promise.race([over.promise, makeCall(deps, request, entry.controller.signal)]).then((end) => {
      clearTimeout(entry.patience);
      if (entries.get(keyOf(call)) !== entry) return;
      entry.report = reportOf(call, end);
      deps.link.send(entry.report);
    });
  };
  return {
    call(request) {
      if (!request.call) return;
      const known = entries.get(keyOf(request.call));
      if (known?.report) deps.link.send(known.report);
      if (known) return;
      if (entries.size >= MOST_OPEN) {
        deps.link.send(reportOf(request.call, tooMany()));
        return;
      }
      begin(request.call, request);
    },
    cancel(call) {
      const entry = entries.get(keyOf(call));
      if (!entry) return;
      if (entry.report) deps.link.send(entry.report);
      else if (entry.patience) entry.giveUp(cancelled());
      else {
        entry.patience = setTimeout(() => entry.giveUp(cancelled()), STOP_PATIENCE_MS);
        entry.controller.abort(cancelled());
      }
    },
    acknowledge: (call) => {
      if (entries.get(keyOf(call))?.report) remove(call);
    },
    startServer: (request) => {
      // Never rejects.
      void startServer(deps, request).then(deps.link.send);
    },
    stopServer: ({ sessionId, name }) => {
      deps.host?.stop(sessionId, name || undefined).catch((err: unknown) => {
        deps.log.warn({ err, session: sessionId, server: name }, "tool server could not be stopped");
      });
    },
    open: () => [...entries.values()].map((entry) => entry.call),
    resend() {
      for (const { report } of entries.values()) if (report) deps.link.send(report);
    },
    cancelAll() {
      for (const { call } of [...entries.values()]) remove(call);
    },
  };
}

async function makeCall(deps: ToolCallsDeps, request: CallTool, signal: AbortSignal): Promise<ToolAnswer | Failure> {
  const { call, tool, arguments: args, idempotencyKey, definition } = request;
  try {
    if (!call) throw new Failure("INVALID_REQUEST", "the call has no name", { notStarted: true });
    const server = toolServerOf(request.server);
    const context = createToolCallContext(deps, call, signal);
    const invocation = { tool, arguments: args, idempotencyKey, definition };
    const answer = await hostOf(deps).call(server, invocation, context);
    requireFits([answer.content], "a result");
    return answer;
  } catch (error) {
    const failure = failureOf(error);
    if (!signal.aborted) return failure;
    const { message, notStarted } = failure;
    return new Failure("CANCELLED", message, { cause: failure, notStarted });
  }
}

async function startServer(deps: ToolCallsDeps, request: StartServer): Promise<Outgoing> {
  const { requestId } = request;
  try {
    const tools = await hostOf(deps).start(toolServerOf(request));
    requireOffer(tools);
    return { case: "serverStarted", value: { requestId, tools: [...tools] } };
  } catch (cause) {
    const { reason, message, missingScopes } = failureOf(cause);
    deps.log.warn({ session: request.sessionId, server: request.name, reason, message }, "tool server not started");
    return {
      case: "serverStarted",
      value: { requestId, error: { reason, message }, missingScopes: [...missingScopes] },
    };
  }
}

function requireOffer(tools: readonly ToolListing[]): void {
  if (tools.length > MOST_TOOLS) {
    throw new Failure("LIMIT_REACHED", `the server has ${tools.length} tools, more than ${MOST_TOOLS}`);
  }
  requireFits(
    tools.flatMap(({ tool, ...rest }) => [tool, ...Object.values(rest)]),
    "a list of tools",
  );
}

function hostOf({ host }: ToolCallsDeps): ToolHost {
  if (!host) throw new Failure("TOOL_SERVER_FAILED", "this runner hosts no tools", { notStarted: true });
  return host;
}

function cancelled(): Failure {
  return new Failure("CANCELLED", "the call was cancelled, and the tool may have made its effect");
}

function tooMany(): Failure {
  return new Failure("LIMIT_REACHED", `the runner makes ${MOST_OPEN} tool calls already`, { notStarted: true });
}

function reportOf(call: RunningCall, end: ToolAnswer | Failure): Outgoing {
  if (!(end instanceof Failure)) {
    const { content, isError, attachments = [] } = end;
    return { case: "toolCallEnded", value: { call, result: { content, isError, attachments: [...attachments] } } };
  }
  const { reason, message, notStarted, missingScopes } = end;
  const value = { call, error: { reason, message }, notStarted, missingScopes: [...missingScopes] };
  return { case: "toolCallEnded", value };
}

function keyOf({ executionId, stepKey, attempt }: RunningCall): string {
  return JSON.stringify([executionId, stepKey, attempt]);
}
