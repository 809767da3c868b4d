import { create } from "@bufbuild/protobuf";
import type { Client } from "@stigmer/client";
import {
  type Acknowledged,
  RunnerController,
  type RunnerMessage,
  RunnerMessageSchema,
  type RunnerRole,
  type ServerMessage,
  type Welcome,
} from "@stigmer/contracts/agentic";
import type { Attempts } from "./attempts.ts";
import { heartbeatDelay } from "./backoff.ts";
import type { Elicitations } from "./elicitations.ts";
import type { Link, Outgoing } from "./link.ts";
import type { Log } from "./log.ts";
import { createOutbox } from "./outbox.ts";
import type { OwnSteps } from "./own-steps.ts";
import { secretsIn } from "./secrets-in.ts";
import type { ToolCalls } from "./tool-calls.ts";

/** What stays the same in every hello. */
type Introduction = {
  readonly name: string;
  readonly instance: string;
  readonly build: string;
  readonly roles: RunnerRole[];
  readonly slots: number;
  readonly labels: Readonly<Record<string, string>>;
};

export type ConnectionDeps = {
  readonly client: Client;
  readonly introduction: Introduction;
  readonly link: Link;
  readonly attempts: Attempts;
  readonly calls: ToolCalls;
  readonly elicitations: Elicitations;
  readonly steps: OwnSteps;
  readonly log: Log;
  /** The backend took the hello. */
  readonly welcomed: () => void;
  /** The runner was handed these: nobody else may see them. */
  readonly learn: (secrets: readonly string[]) => void;
  /** The backend wants the runner to finish and go. */
  readonly drain: () => void;
  /** Whether assignments are declined. */
  readonly isDraining: () => boolean;
  /** Nothing is left to do: says goodbye. */
  readonly done: AbortSignal;
  /** Breaks off. */
  readonly stop: AbortSignal;
};

// More than a resend after a long outage can need: 10,000 leases and 10,000 calls.
const OUTBOX_CAPACITY = 32_768;
const WELCOME_TIMEOUT_MS = 10_000;
const GOODBYE_TIMEOUT_MS = 1_000;
const DEFAULT_HEARTBEAT_MS = 5_000;

/** One connection, from hello to its end. Rejects where it broke, or was refused. */
export async function connectOnce(deps: ConnectionDeps): Promise<void> {
  const outbox = createOutbox<RunnerMessage>(OUTBOX_CAPACITY);
  const broken = new AbortController();
  const timers = createTimers();
  const send = (message: Outgoing): void => {
    if (outbox.push(create(RunnerMessageSchema, { message }))) return;
    broken.abort(new Error("the backend reads too slowly"));
  };
  const sayGoodbye = (): void => {
    outbox.end();
    timers.after(GOODBYE_TIMEOUT_MS, () => broken.abort(new Error("the backend does not hang up")));
  };
  const breakOff = (): void => broken.abort(new Error("the runner stops"));
  deps.done.addEventListener("abort", sayGoodbye);
  deps.stop.addEventListener("abort", breakOff);
  const cancelPatience = timers.after(WELCOME_TIMEOUT_MS, () => broken.abort(new Error("no welcome")));
  const { introduction, attempts, calls } = deps;
  const draining = deps.isDraining();
  send({
    case: "hello",
    value: {
      ...{ ...introduction, protocolVersion: 1, draining },
      ...{ running: attempts.held(), calls: calls.open() },
    },
  });
  try {
    const stream = deps.client.service(RunnerController).connect(outbox, { signal: broken.signal });
    for await (const { message } of stream) {
      if (message.case === "welcome") {
        cancelPatience();
        const stopped = (): void => broken.abort(new Error("this process was stopped"));
        onWelcome(deps, message.value, { send, timers, stopped });
        if (deps.isDraining() && !draining) send({ case: "draining", value: {} });
      } else obey(deps, message);
    }
  } finally {
    deps.link.down();
    timers.clear();
    outbox.end();
    deps.done.removeEventListener("abort", sayGoodbye);
    deps.stop.removeEventListener("abort", breakOff);
  }
}

type Line = { readonly send: (message: Outgoing) => void; readonly timers: Timers; readonly stopped: () => void };

function onWelcome(deps: ConnectionDeps, welcome: Welcome, { send, timers, stopped }: Line): void {
  const { attempts, link, log } = deps;
  const intervalMs = Number(welcome.heartbeatIntervalMs) || DEFAULT_HEARTBEAT_MS;
  const stoppedMs = Math.max(Number(welcome.leaseDurationMs), 2 * intervalMs);
  let last = performance.now();
  // A process that did not run for longer than a lease may have lost what it holds to somebody else, and must not go on
  // before a welcome has said what is its own still.
  const isFresh = (): boolean => performance.now() - last <= stoppedMs;
  const beat = (): void => {
    if (!isFresh()) {
      log.warn({ stoppedMs: Math.round(performance.now() - last) }, "stopped for longer than a lease");
      stopped();
      return;
    }
    last = performance.now();
    link.send({ case: "heartbeat", value: { running: attempts.held() } });
    attempts.remind();
    timers.after(heartbeatDelay(intervalMs, Math.random()), beat);
  };
  link.up(send, isFresh);
  attempts.keepOnly(welcome.kept);
  attempts.resend();
  deps.calls.resend();
  deps.elicitations.resend();
  deps.steps.resend();
  timers.after(heartbeatDelay(intervalMs, Math.random()), beat);
  log.info({ kept: welcome.kept.length, heartbeatMs: intervalMs }, "connected");
  deps.welcomed();
}

function obey(deps: ConnectionDeps, message: ServerMessage["message"]): void {
  const { attempts, calls } = deps;
  deps.learn(secretsIn(message));
  switch (message.case) {
    case "assignment":
      attempts.assign(message.value);
      break;
    case "revoke":
      deps.steps.revoked(message.value.lease);
      attempts.revoke(message.value);
      break;
    case "startServer":
      calls.startServer(message.value);
      break;
    case "callTool":
      calls.call(message.value);
      break;
    case "cancelTool":
      if (message.value.call) calls.cancel(message.value.call);
      break;
    case "stopServer":
      calls.stopServer(message.value);
      break;
    case "elicitationAnswer":
      deps.elicitations.answer(message.value);
      break;
    case "stepAnswer":
      deps.steps.answer(message.value);
      break;
    case "acknowledged":
      onAcknowledged(deps, message.value);
      break;
    case "drain":
      deps.drain();
      break;
    default:
      deps.log.warn({ case: message.case }, "message of the backend is not known");
  }
}

function onAcknowledged({ attempts, calls }: ConnectionDeps, { message }: Acknowledged): void {
  if (message.case === "attempt") attempts.acknowledge(message.value);
  if (message.case === "call") calls.acknowledge(message.value);
}

type Cancel = () => void;

type Timers = {
  after(ms: number, act: () => void): Cancel;
  clear(): void;
};

function createTimers(): Timers {
  const pending = new Set<NodeJS.Timeout>();
  return {
    after(ms, act) {
      const timer = setTimeout(() => {
        pending.delete(timer);
        act();
      }, ms);
      pending.add(timer);
      return () => {
        clearTimeout(timer);
        pending.delete(timer);
      };
    },
    clear() {
      for (const timer of pending) clearTimeout(timer);
      pending.clear();
    },
  };
}
