import { create } from "@bufbuild/protobuf";
import { type SubscribeResponse, SubscribeResponseSchema } from "@stigmer/contracts/agentic";
import type { EntryFacts } from "./journal-page.ts";
import type { LiveStep, LiveSteps } from "./live-steps.ts";
import type { TextPiece } from "./live-text.ts";
import type { ExecutionState } from "./state.ts";
import type { TailLog } from "./tail-log.ts";

/** The text of an open call, as far as it is published. */
export type OpenText = { readonly step: LiveStep; readonly stream: string; readonly published: number };

/**
 * Publishes the texts of an execution's calls: of each only between the entry that begins it and the one that ends it.
 */
export interface TailTexts {
  /** Begins at a journal's state: what the calls that are open there have said until now is not published. */
  start(noted: readonly LiveStep[], state: Pick<ExecutionState, "steps">): void;
  /** The entries that begin these calls are published. */
  begun(steps: readonly LiveStep[]): void;
  /** This entry is about to be published: it ends its call. */
  close(entry: EntryFacts): void;
  /** Publishes what is new. Answers whether there are calls of which it is not known that they have begun. */
  publish(): boolean;
  opens(): Iterable<OpenText>;
}

export function createTailTexts(live: Pick<LiveSteps, "of" | "get">, executionId: string, log: TailLog): TailTexts {
  const opens = new Map<string, OpenText>();
  const known = new WeakMap<LiveStep, "begun" | "over">();

  function publishStep(step: LiveStep): void {
    const { stepKey } = step;
    const before = opens.get(stepKey);
    let open = before?.step === step && before.stream === step.stream() ? before : openAt(step, 0);
    if (before && before !== open && before.published > 0) {
      const place = { stepKey, stream: open.stream, offset: 0 };
      log.add({ responses: [restartedResponse(step)], entries: [], place }, 0);
    }
    while (open.published < step.length()) {
      const piece = step.piece(open.published);
      const place = { stepKey, stream: open.stream, offset: piece.end };
      log.add({ responses: [deltaResponse(step, piece)], entries: [], place }, piece.end - piece.offset);
      open = openAt(step, piece.end);
    }
    opens.set(stepKey, open);
  }

  return {
    start(noted, { steps }) {
      for (const step of noted) {
        const recorded = steps.get(step.stepKey);
        // A step is live for a moment after its outcome is recorded.
        const isOpen = recorded !== undefined && recorded.outcome === undefined;
        known.set(step, isOpen ? "begun" : "over");
        if (isOpen) opens.set(step.stepKey, openAt(step, step.length()));
      }
    },
    begun(steps) {
      for (const step of steps) if (!known.has(step)) known.set(step, "begun");
    },
    close({ stepKey, attempt }) {
      const step = live.get(executionId, stepKey);
      if (step?.attempt === attempt) known.set(step, "over");
      opens.delete(stepKey);
    },
    publish() {
      const steps = live.of(executionId);
      for (const step of steps) if (known.get(step) === "begun") publishStep(step);
      return steps.some((step) => !known.has(step));
    },
    opens: () => opens.values(),
  };
}

function openAt(step: LiveStep, published: number): OpenText {
  return { step, stream: step.stream(), published };
}

export function deltaResponse(step: LiveStep, { offset, text }: TextPiece): SubscribeResponse {
  const { stepKey, attempt } = step;
  const value = { stepKey, attempt, offset: BigInt(offset), text, stream: step.stream() };
  return create(SubscribeResponseSchema, { message: { case: "delta", value } });
}

export function restartedResponse({ stepKey, attempt }: LiveStep): SubscribeResponse {
  return create(SubscribeResponseSchema, { message: { case: "restarted", value: { stepKey, attempt } } });
}
