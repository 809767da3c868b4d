import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { type Clock, unavailable } from "@stigmer/base";
import {
  type Hello,
  type Lease,
  RevokeCause,
  RunnerRole,
  type RunningCall,
  type ServerMessage,
  ServerMessageSchema,
  type ServerStarted,
  type ToolCallEnded,
} from "@stigmer/contracts/agentic";
import type { Task } from "@stigmer/store";
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
  readonly labels: Readonly<Record<string, string>>;
  /** When it last said something, in monotonic milliseconds; -Infinity since it let a lease run out. */
  heardAt: number;
  /** It finishes what it has and takes nothing new. */
  draining: boolean;
  /** Another process has connected under its name. */
  isReplaced: boolean;
  readonly outbox: Outbox<ServerMessage>;
};

/** Labels that a runner must have, each with its value. */
export type Selector = readonly (readonly [string, string])[];

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
  /** It has said something; one that was quiet may be given work again. */
  heard(connection: Connection): void;
  /** Whether a runner with these labels is connected that drives executions. */
  anyFor(selector: Selector): boolean;
  /** Executions that connected runners with these labels can take now. */
  freeSlots(selector: Selector): number;
  /** The connected runner with these labels that can drive most executions more; undefined where none can. */
  withFreeSlot(org: string, selector: Selector): Connection | undefined;
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

/** A runner that says nothing for `quietAfterMs` is given no work until it does. */
export type RunnersDeps = { readonly clock: Clock; readonly quietAfterMs: number };

export function createRunners({ clock, quietAfterMs }: RunnersDeps): Runners {
  const connections = new Map<string, Connection>();
  const listeners = new Set<() => void>();
  const starts = createPending<ServerStarted>();
  const calls = createPending<ToolCallEnded>();
  const all = (): Connection[] => [...connections.values()];
  const isQuiet = ({ heardAt }: Connection): boolean => clock.monotonic() - heardAt > quietAfterMs;
  const notify = (): void => {
    for (const listener of [...listeners]) listener();
  };
  const disconnect = (connection: Connection): void => {
    connection.outbox.close();
    if (connections.get(connection.name) === connection) connections.delete(connection.name);
  };
  const onConnect = (listener: () => void): (() => void) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  };
  const able = (role: RunnerRole): Connection[] => all().filter((one) => !isQuiet(one) && one.roles.has(role));
  const takers = (selector: Selector): Connection[] =>
    able(RunnerRole.AGENT).filter((one) => !one.draining && freeOf(one) > 0 && hasLabels(one, selector));
  const pickHost = (org: string, affinity: string): Connection | undefined => {
    const hosts = able(RunnerRole.TOOLS).filter((one) => one.org === org);
    return hosts.find((one) => one.instance === affinity) ?? hosts.find((one) => !one.draining) ?? hosts[0];
  };
  return {
    starts,
    calls,
    connect(hello, { org, kept, welcome }) {
      const connection = newConnection(hello, { org, kept, heardAt: clock.monotonic() });
      sendTo(connection, welcome);
      connections.get(hello.name)?.outbox.close();
      connections.set(hello.name, connection);
      starts.lose(hello.instance);
      calls.lose(hello.instance, new Set(hello.calls.map(callKey)));
      for (const call of hello.calls) calls.open(callKey(call), hello.instance);
      notify();
      return connection;
    },
    disconnect,
    byInstance: (instance) => all().find((one) => one.instance === instance),
    named: (org, name) => all().find((one) => one.org === org && one.name === name),
    heard(connection) {
      const wasQuiet = isQuiet(connection);
      connection.heardAt = clock.monotonic();
      if (wasQuiet) notify();
    },
    anyFor: (selector) => able(RunnerRole.AGENT).some((one) => !one.draining && hasLabels(one, selector)),
    freeSlots: (selector) => takers(selector).reduce((sum, one) => sum + freeOf(one), 0),
    withFreeSlot: (org, selector) =>
      takers(selector)
        .filter((one) => one.org === org)
        .reduce<Connection | undefined>((best, one) => (best && freeOf(best) >= freeOf(one) ? best : one), undefined),
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

function freeOf({ slots, running }: Connection): number {
  return slots - running.size;
}

function hasLabels({ labels }: Connection, selector: Selector): boolean {
  return selector.every(([key, value]) => labels[key] === value);
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

/** Tells the runner that holds a task that its lease is over, and frees its slot. */
export function revoke(runners: Runners, task: Task | undefined, cause: "ended" | "paused"): void {
  const connection = task?.holder ? runners.byInstance(task.holder) : undefined;
  if (!connection || !task) return;
  freeSlot(connection, task);
  const lease = { executionId: task.id, epoch: BigInt(task.epoch) };
  sendTo(connection, {
    case: "revoke",
    value: { lease, cause: cause === "ended" ? RevokeCause.ENDED : RevokeCause.PAUSED },
  });
}

export function sendTo(connection: Connection, message: ToRunner): void {
  connection.outbox.push(create(ServerMessageSchema, { message }));
}

function newConnection(
  hello: Hello,
  { org, kept, heardAt }: { readonly org: string; readonly kept: readonly Lease[]; readonly heardAt: number },
): Connection {
  return {
    org,
    name: hello.name,
    instance: hello.instance,
    roles: new Set(hello.roles),
    slots: hello.slots,
    running: new Map(kept.map(({ executionId, epoch }) => [executionId, Number(epoch)])),
    labels: hello.labels,
    draining: hello.draining,
    isReplaced: false,
    heardAt,
    outbox: createOutbox(weightOf),
  };
}

/** Only an assignment and a call hold texts of any size. */
function weightOf({ message }: ServerMessage): number {
  if (message.case === "callTool") return message.value.arguments.length;
  if (message.case !== "assignment") return 256;
  const { history, message: said, agent } = message.value;
  const parts = history.flatMap((one) => one.parts);
  const lengths = parts.map(({ part }) => (part.case === "text" ? part.value.length : 1_024));
  return lengths.reduce((sum, length) => sum + length, said.length + (agent?.instructions.length ?? 0));
}

function waitFor(
  find: () => Connection | undefined,
  onConnect: (listener: () => void) => () => void,
  options: { readonly waitMs: number; readonly signal: AbortSignal },
): Promise<Connection> {
  const found = find();
  if (found) return Promise.resolve(found); // nobody needs to wait, and no timer is left behind
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
