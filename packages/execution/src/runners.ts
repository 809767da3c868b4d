import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { isFault, unavailable } from "@stigmer/base";
import {
  type CallToolSchema,
  type Hello,
  type Lease,
  RunnerRole,
  type RunningCall,
  type ServerMessage,
  ServerMessageSchema,
  type ServerStarted,
  type StartServerSchema,
  type ToolCallEnded,
} from "@stigmer/contracts/agentic";
import { createOutbox, type Outbox } from "./outbox.ts";
import { createPending, type Pending } from "./pending.ts";

/** A runner that is connected. */
export type Connection = {
  /** Organization whose executions it may drive. */
  readonly org: string;
  readonly name: string;
  readonly instance: string;
  readonly roles: ReadonlySet<RunnerRole>;
  readonly slots: number;
  /** Executions that it drives, each with the epoch of its lease. */
  readonly running: Map<string, number>;
  /** It let a lease run out and has said nothing since, so it is given no work. */
  quiet: boolean;
  readonly outbox: Outbox<ServerMessage>;
};

export type ToRunner = NonNullable<MessageInitShape<typeof ServerMessageSchema>["message"]>;
export type CallKey = Pick<RunningCall, "executionId" | "stepKey" | "attempt">;

/** The runners that are connected to this process, and what they owe it. */
export interface Runners {
  readonly starts: Pending<ServerStarted>;
  readonly calls: Pending<ToolCallEnded>;
  /** Adds a runner and greets it; a newer connection of a name closes the older. What the runner owes and doesn't name is lost. */
  connect(
    hello: Hello,
    as: { readonly org: string; readonly kept: readonly Lease[]; readonly welcome: ToRunner },
  ): Connection;
  disconnect(connection: Connection): void;
  byInstance(instance: string): Connection | undefined;
  named(org: string, name: string): Connection | undefined;
  /** A connected runner that can drive one more execution. */
  withFreeSlot(org: string): Connection | undefined;
  /** A connected runner that hosts tools, `affinity` where it does; refuses with `RUNNER_NOT_CONNECTED` after `waitMs`. */
  hostingTools(options: {
    readonly org: string;
    readonly affinity: string;
    readonly waitMs: number;
    readonly signal: AbortSignal;
  }): Promise<Connection>;
  /** Ends the tool servers of a session, wherever they run: between two attempts it holds no process. */
  stopServers(org: string, sessionId: string): void;
  /** A runner's process has ended: what it owed is lost. */
  exited(instance: string): void;
  /** Calls the listener whenever a runner connects, until the returned function is called. */
  onConnect(listener: () => void): () => void;
}

export function createRunners(): Runners {
  const connections = new Map<string, Connection>();
  const listeners = new Set<() => void>();
  const starts = createPending<ServerStarted>();
  const calls = createPending<ToolCallEnded>();
  const all = (): Connection[] => [...connections.values()];
  const disconnect = (connection: Connection): void => {
    connection.outbox.close();
    if (connections.get(connection.name) === connection) connections.delete(connection.name);
  };
  const onConnect = (listener: () => void): (() => void) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  };
  const pickHost = (org: string, affinity: string): Connection | undefined => {
    const able = all().filter((one) => one.org === org && one.roles.has(RunnerRole.TOOLS));
    return able.find((one) => one.instance === affinity) ?? able[0];
  };
  return {
    starts,
    calls,
    connect(hello, { org, kept, welcome }) {
      const connection = newConnection(hello, org, kept);
      sendTo(connection, welcome);
      connections.get(hello.name)?.outbox.close();
      connections.set(hello.name, connection);
      starts.lose(hello.instance);
      calls.lose(hello.instance, new Set(hello.calls.map(callKey)));
      for (const call of hello.calls) calls.open(callKey(call), hello.instance);
      for (const listener of [...listeners]) listener();
      return connection;
    },
    disconnect,
    byInstance: (instance) => all().find((one) => one.instance === instance),
    named: (org, name) => all().find((one) => one.org === org && one.name === name),
    withFreeSlot: (org) =>
      all().find(
        (one) => one.org === org && !one.quiet && one.roles.has(RunnerRole.AGENT) && one.running.size < one.slots,
      ),
    hostingTools: (options) => waitFor(() => pickHost(options.org, options.affinity), onConnect, options),
    stopServers(org, sessionId) {
      const hosts = all().filter((one) => one.org === org && one.roles.has(RunnerRole.TOOLS));
      for (const host of hosts) sendTo(host, { case: "stopServer", value: { sessionId, name: "" } });
    },
    exited(instance) {
      for (const connection of all().filter((one) => one.instance === instance)) disconnect(connection);
      starts.lose(instance);
      calls.lose(instance);
    },
    onConnect,
  };
}

export function callKey(call: CallKey): string {
  return `${call.executionId}/${call.stepKey}/${call.attempt}`;
}

/** Frees the slot that a lease has taken; a newer lease of the same execution keeps it. */
export function freeSlot(
  connection: Connection | undefined,
  lease: { readonly id: string; readonly epoch: number },
): void {
  if (connection?.running.get(lease.id) === lease.epoch) connection.running.delete(lease.id);
}

export function sendTo(connection: Connection, message: ToRunner): void {
  connection.outbox.push(create(ServerMessageSchema, { message }));
}

const START_TIMEOUT_MS = 60_000;
let startRequests = 0;

/** Asks a runner to start a server and waits for its tools; refuses where the runner is lost or a minute passes. */
export async function startServer(
  runners: Runners,
  connection: Connection,
  server: MessageInitShape<typeof StartServerSchema>,
  signal: AbortSignal,
): Promise<ServerStarted> {
  const requestId = `start-${++startRequests}`;
  runners.starts.open(requestId, connection.instance);
  sendTo(connection, { case: "startServer", value: { ...server, requestId } });
  return await within(START_TIMEOUT_MS, signal, (limited) => runners.starts.wait(requestId, limited));
}

/**
 * Hands a call to a runner, or joins it where the runner makes it already, and waits for its end, at most `timeoutMs`. An
 * abort tells the runner to stop the call, unless it is only the backend that stops: the runner comes back with its end.
 */
export async function callTool(
  runners: Runners,
  connection: Connection,
  request: MessageInitShape<typeof CallToolSchema> & { readonly call: CallKey },
  { signal, timeoutMs }: { readonly signal: AbortSignal; readonly timeoutMs: number },
): Promise<ToolCallEnded> {
  const key = callKey(request.call);
  if (!runners.calls.get(key)) {
    runners.calls.open(key, connection.instance);
    sendTo(connection, { case: "callTool", value: request });
  }
  return await within(timeoutMs, signal, async (limited) => {
    const cancel = (): void => {
      if (isFault(limited.reason, "SHUTTING_DOWN")) return;
      sendTo(connection, { case: "cancelTool", value: { call: request.call } });
    };
    limited.addEventListener("abort", cancel, { once: true });
    try {
      return await runners.calls.wait(key, limited);
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

function newConnection(hello: Hello, org: string, kept: readonly Lease[]): Connection {
  return {
    org,
    name: hello.name,
    instance: hello.instance,
    roles: new Set(hello.roles),
    slots: hello.slots,
    running: new Map(kept.map(({ executionId, epoch }) => [executionId, Number(epoch)])),
    quiet: false,
    outbox: createOutbox(),
  };
}

function waitFor(
  find: () => Connection | undefined,
  onConnect: (listener: () => void) => () => void,
  options: { readonly waitMs: number; readonly signal: AbortSignal },
): Promise<Connection> {
  return new Promise((resolve, reject) => {
    const signal = AbortSignal.any([options.signal, AbortSignal.timeout(options.waitMs)]);
    const look = (): void => {
      const found = find();
      if (!found && !signal.aborted) return;
      forget();
      if (found) resolve(found);
      else reject(unavailable("RUNNER_NOT_CONNECTED", {}, { message: "no runner that hosts tools is connected" }));
    };
    const forget = onConnect(look);
    signal.addEventListener("abort", look, { once: true });
    look();
  });
}
