import { createRedactor } from "@stigmer/base";
import type { ExecutionEvent } from "@stigmer/contracts/agentic";
import { createHub, type Hub } from "./hub.ts";
import { createLiveText, createTextRoom, type LiveText, type LiveTextOptions, type TextRoom } from "./live-text.ts";

/** A step that somebody works on in this process, and the text that it has so far. */
export interface LiveStep extends LiveText {
  readonly executionId: string;
  readonly stepKey: string;
  readonly digest: string;
  readonly attempt: number;
  /** Settles when the outcome is recorded, or when it never will be. */
  readonly outcome: Promise<ExecutionEvent["event"]>;
  readonly signal: AbortSignal;
  /** Resolves when the text has changed after this call, when the step ends, or when the signal aborts. */
  changed(signal: AbortSignal): Promise<void>;
}

/** The steps that this process works on. */
export interface LiveSteps {
  get(executionId: string, stepKey: string): LiveStep | undefined;
  /** The steps of an execution that are worked on; several may stream text at once. */
  of(executionId: string): readonly LiveStep[];
  /**
   * Calls `listener` when the text of one of an execution's steps has changed, or one has ended: once for all changes of
   * a turn of the event loop. Returns what ends it.
   */
  onText(executionId: string, listener: () => void): () => void;
  /** Starts to work; `run` gets the step and answers with the event that was recorded. */
  start(
    of: Pick<LiveStep, "executionId" | "stepKey" | "digest" | "attempt">,
    run: (step: LiveStep) => Promise<ExecutionEvent["event"]>,
  ): LiveStep;
  /** Aborts what runs for an execution, but for the steps with these keys. */
  abort(executionId: string, reason: unknown, except?: ReadonlySet<string>): void;
  /** Aborts one step, if it runs. */
  abortStep(executionId: string, stepKey: string, reason: unknown): void;
  /** Waits until nothing runs, at most `graceMs`, then aborts what does. */
  drain(graceMs: number, reason: unknown): Promise<void>;
}

/** Memory for the texts of all open calls; a call for which there is none left streams no further. */
const ALL_TEXTS_BYTES = 256 * 1024 * 1024;

type Running = { readonly step: LiveStep; readonly abort: AbortController };

export type LiveStepsOptions = {
  /** Memory for the texts of all open calls. */
  readonly room?: TextRoom;
  /** Masks a text that comes in pieces; nothing is masked unless told. */
  readonly mask?: LiveTextOptions["mask"];
};

/** The hub is told when a step has ended. */
export function createLiveSteps(
  hub: Hub,
  { room = createTextRoom(ALL_TEXTS_BYTES), mask = createRedactor().stream }: LiveStepsOptions = {},
): LiveSteps {
  const steps = new Map<string, Map<string, Running>>();
  const texts = createHub();
  const all = (): readonly Running[] => [...steps.values()].flatMap((own) => [...own.values()]);
  const runningOf = (executionId: string): readonly Running[] => [...(steps.get(executionId)?.values() ?? [])];
  return {
    get: (executionId, stepKey) => steps.get(executionId)?.get(stepKey)?.step,
    of: (executionId) => runningOf(executionId).map(({ step }) => step),
    onText: (executionId, listener) => texts.on(executionId, listener),
    start(of, run) {
      const { executionId, stepKey } = of;
      const abort = new AbortController();
      const { promise: outcome, resolve, reject } = Promise.withResolvers<ExecutionEvent["event"]>();
      const text = createLiveText({ room, mask, changed: oncePerTurn(() => texts.changed(executionId)) });
      const changed = (signal: AbortSignal): Promise<void> => texts.next(executionId, signal);
      const step: LiveStep = { ...of, ...text, outcome, changed, signal: abort.signal };
      const running = { step, abort };
      const own = steps.get(executionId) ?? new Map<string, Running>();
      steps.set(executionId, own.set(stepKey, running));
      outcome.catch(() => {}); // whoever attached hears of it; a step that nobody waits for is not an error
      const ended = (): void => {
        if (own.get(stepKey) === running) own.delete(stepKey);
        if (own.size === 0 && steps.get(executionId) === own) steps.delete(executionId);
        text.close();
      };
      run(step)
        .finally(ended)
        .then(resolve, reject)
        .finally(() => {
          hub.changed(executionId);
          texts.changed(executionId);
        });
      return step;
    },
    abort(executionId, reason, except) {
      for (const { step, abort } of runningOf(executionId)) if (!except?.has(step.stepKey)) abort.abort(reason);
    },
    abortStep: (executionId, stepKey, reason) => steps.get(executionId)?.get(stepKey)?.abort.abort(reason),
    async drain(graceMs, reason) {
      const running = all().map(({ step }) => step.outcome.catch(() => {}));
      const timer = setTimeout(() => {
        for (const { abort } of all()) abort.abort(reason);
      }, graceMs);
      await Promise.all(running);
      clearTimeout(timer);
    },
  };
}

/** Calls `run` at the end of this turn of the event loop, however often it is asked for. */
function oncePerTurn(run: () => void): () => void {
  let isDue = false;
  return () => {
    if (isDue) return;
    isDue = true;
    setImmediate(() => {
      isDue = false;
      run();
    });
  };
}
