import { createHash } from "node:crypto";
import type { Lease, OwnStepFinished, StepAnswer } from "@stigmer/contracts/agentic";
import { Failure, failureOf } from "./failure.ts";
import type { Link, Outgoing } from "./link.ts";

type Asked = Extract<Outgoing, { case: "stepBegan" | "stepEnded" }>;
type Answer = StepAnswer["answer"];

/** What the runner has asked the backend about steps of its own, and what came back. */
export interface OwnSteps {
  /**
   * Asks, again after each reconnect, until the backend answers; rejects with the signal's reason when that comes first. How a
   * step ended is told all the same: the lease may be over because the execution is paused, and nobody else knows it.
   */
  ask(message: Asked, signal: AbortSignal): Promise<Answer>;
  answer(answer: StepAnswer): void;
  /** The backend wants to hear no more of what was asked under this lease and is not awaited. */
  revoked(lease: Lease | undefined): void;
  resend(): void;
}

const MOST_BYTES = 1024 * 1024;
/** Ends that nobody awaits and that the backend has not answered, at most. */
const MOST_TOLD = 1_000;

type Open = { readonly message: Asked; readonly resolve: (answer: Answer) => void; isAwaited: boolean };

export function createOwnSteps(link: Link): OwnSteps {
  const open = new Map<string, Open>();
  const leave = (key: string, entry: Open): void => {
    entry.isAwaited = false;
    if (entry.message.case === "stepBegan" && open.get(key) === entry) open.delete(key);
    const told = [...open].filter(([, { isAwaited }]) => !isAwaited);
    for (const [oldest] of told.slice(0, -MOST_TOLD)) open.delete(oldest);
  };
  return {
    ask(message, signal) {
      if (message.case === "stepBegan") signal.throwIfAborted();
      const key = keyOf(message.value.step);
      const { promise, resolve, reject } = Promise.withResolvers<Answer>();
      const entry: Open = { message, resolve, isAwaited: true };
      const aborted = (): void => {
        leave(key, entry);
        reject(signal.reason);
      };
      open.set(key, entry);
      signal.addEventListener("abort", aborted);
      link.send(message);
      if (signal.aborted) aborted();
      return promise.finally(() => signal.removeEventListener("abort", aborted));
    },
    answer(said) {
      const key = keyOf(said);
      open.get(key)?.resolve(said.answer);
      open.delete(key);
    },
    revoked(lease) {
      const isOf = (key: string): boolean => key.startsWith(keyOf({ lease }));
      for (const [key, { isAwaited }] of open) if (!isAwaited && isOf(key)) open.delete(key);
    },
    resend() {
      for (const { message } of open.values()) link.send(message);
    },
  };
}

export type OwnStepOptions = {
  /** What the step is asked to do, as JSON; the same key with another request is refused. */
  readonly request?: unknown;
  /** Whether it may be made again where its outcome was lost: it reads only, or has its effect once however often it is made. */
  readonly repeatable?: boolean;
};

export type OwnStepDeps = {
  readonly steps: OwnSteps;
  readonly lease: Lease;
  /** No step of the runner's own was ever begun for the execution. */
  readonly fresh: boolean;
  readonly signal: AbortSignal;
  /** Ends the attempt because the execution waits. */
  readonly park: () => void;
};

/** Makes steps of a loop's own, each once per key. */
export type RunStep = <T>(stepKey: string, make: () => Promise<T> | T, options?: OwnStepOptions) => Promise<T>;

export function createRunStep({ steps, lease, fresh, signal, park }: OwnStepDeps): RunStep {
  const seen = new Set<string>();
  return async <T>(stepKey: string, make: () => Promise<T> | T, options: OwnStepOptions = {}): Promise<T> => {
    const { request = null, repeatable = false } = options;
    const requestDigest = new Uint8Array(createHash("sha256").update(JSON.stringify(request)).digest());
    const step = { lease, stepKey, requestDigest };
    const isNew = fresh && repeatable && !seen.has(stepKey);
    seen.add(stepKey);
    if (!isNew) {
      const known = await steps.ask({ case: "stepBegan", value: { step, repeatable } }, signal);
      if (known.case === "parked") park();
      signal.throwIfAborted();
      if (known.case !== "make") return resultOf(known) as T;
    }
    const ended = await endOf(make);
    const recorded = await steps.ask({ case: "stepEnded", value: { step, ...ended } }, signal);
    return resultOf(recorded) as T;
  };
}

async function endOf(make: () => unknown): Promise<{ value: string; error?: { reason: string; message: string } }> {
  try {
    const value = JSON.stringify(await make()) ?? "null";
    const bytes = Buffer.byteLength(value);
    if (bytes > MOST_BYTES)
      throw new Failure("LIMIT_REACHED", `a step's outcome of ${bytes} bytes is larger than 1 MiB`);
    return { value };
  } catch (error) {
    const { reason, message } = failureOf(error);
    return { value: "", error: { reason, message } };
  }
}

function resultOf(answer: Answer): unknown {
  if (answer.case === "outcome") return outcomeOf(answer.value);
  if (answer.case === "refused") throw new Failure(answer.value.reason, answer.value.message);
  throw new Failure("INTERNAL", `the backend answered ${answer.case ?? "nothing"} about a step`);
}

function outcomeOf({ value, error }: OwnStepFinished): unknown {
  if (error) throw new Failure(error.reason || "INTERNAL", error.message);
  return JSON.parse(value);
}

function keyOf(of: { readonly lease?: unknown; readonly stepKey?: string } | undefined): string {
  const { executionId = "", epoch = 0n } = (of?.lease ?? {}) as Partial<Lease>;
  return `${epoch} ${executionId} ${of?.stepKey ?? ""}`;
}
