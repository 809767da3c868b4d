import type { ExecutionEvent } from "@stigmer/contracts/agentic";
import type { Hub } from "./hub.ts";

/** A step that somebody works on in this process, and the text that it has so far. */
export interface LiveStep {
  readonly executionId: string;
  readonly stepKey: string;
  readonly digest: string;
  readonly attempt: number;
  /** Settles when the outcome is recorded, or when it never will be. */
  readonly outcome: Promise<ExecutionEvent["event"]>;
  readonly signal: AbortSignal;
  /** Counts the provider's tries; text of an earlier one is void. */
  restarts(): number;
  /** Text from a byte offset on. */
  textFrom(offset: number): string;
  length(): number;
  append(text: string): void;
  restart(): void;
}

/** The steps that this process works on. */
export interface LiveSteps {
  get(executionId: string, stepKey: string): LiveStep | undefined;
  /** The step of an execution that streams text, if one does. */
  streaming(executionId: string): LiveStep | undefined;
  /** Starts to work; `run` gets the step and answers with the event that was recorded. */
  start(
    of: Pick<LiveStep, "executionId" | "stepKey" | "digest" | "attempt">,
    run: (step: LiveStep) => Promise<ExecutionEvent["event"]>,
  ): LiveStep;
  /** Aborts what runs for an execution. */
  abort(executionId: string, reason: unknown): void;
  /** Waits until nothing runs, at most `graceMs`, then aborts what does. */
  drain(graceMs: number, reason: unknown): Promise<void>;
}

const MAX_TEXT_BYTES = 8 * 1024 * 1024;

export function createLiveSteps(hub: Hub): LiveSteps {
  const steps = new Map<string, { step: LiveStep; abort: AbortController }>();
  const abortWhere = (matches: (step: LiveStep) => boolean, reason: unknown): void => {
    for (const { step, abort } of steps.values()) if (matches(step)) abort.abort(reason);
  };
  return {
    get: (executionId, stepKey) => steps.get(keyOf(executionId, stepKey))?.step,
    streaming: (executionId) =>
      [...steps.values()].map(({ step }) => step).find((step) => step.executionId === executionId && step.length() > 0),
    start(of, run) {
      const key = keyOf(of.executionId, of.stepKey);
      const abort = new AbortController();
      const { promise: outcome, resolve, reject } = Promise.withResolvers<ExecutionEvent["event"]>();
      const step: LiveStep = { ...of, ...createText(() => hub.changed(of.executionId)), outcome, signal: abort.signal };
      steps.set(key, { step, abort });
      outcome.catch(() => {}); // whoever attached hears of it; a step that nobody waits for is not an error
      run(step)
        .finally(() => steps.delete(key))
        .then(resolve, reject)
        .finally(() => hub.changed(of.executionId));
      return step;
    },
    abort: (executionId, reason) => abortWhere((step) => step.executionId === executionId, reason),
    async drain(graceMs, reason) {
      const running = [...steps.values()].map(({ step }) => step.outcome.catch(() => {}));
      const timer = setTimeout(() => abortWhere(() => true, reason), graceMs);
      await Promise.all(running);
      clearTimeout(timer);
    },
  };
}

function keyOf(executionId: string, stepKey: string): string {
  return `${executionId}/${stepKey}`;
}

/** A growing text that is read by byte offset; past its bound it stops growing, and the closing event has the whole. */
function createText(changed: () => void): Pick<LiveStep, "restarts" | "textFrom" | "length" | "append" | "restart"> {
  let bytes = Buffer.alloc(0);
  let length = 0;
  let restarts = 0;
  return {
    restarts: () => restarts,
    length: () => length,
    textFrom: (offset) => bytes.toString("utf8", Math.min(offset, length), length),
    append(text) {
      const more = Buffer.from(text, "utf8");
      if (length + more.length > MAX_TEXT_BYTES) return;
      if (length + more.length > bytes.length) {
        const grown = Buffer.alloc(Math.max(1024, 2 * (length + more.length)));
        bytes.copy(grown, 0, 0, length);
        bytes = grown;
      }
      more.copy(bytes, length);
      length += more.length;
      changed();
    },
    restart() {
      length = 0;
      restarts += 1;
      changed();
    },
  };
}
