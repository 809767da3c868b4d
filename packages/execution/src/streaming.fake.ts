import { create, type MessageInitShape } from "@bufbuild/protobuf";
import {
  type ExecutionEvent,
  type ExecutionPhase as Phase,
  type SubscribeRequest,
  SubscribeRequestSchema,
  type SubscribeResponse,
} from "@stigmer/contracts/agentic";
import type { Call, Handler } from "@stigmer/resource";
import { createHub } from "./hub.ts";
import { createTestJournals, type TestEvent } from "./journal.fake.ts";
import { createLiveSteps, type LiveStep } from "./live-steps.ts";
import { createProgressFeed } from "./progress.ts";
import { createStates } from "./states.ts";
import { executionQueryHandlers } from "./subscribe.ts";

export const EXECUTION = "aex_1";

/** A model call that a test speaks for. */
export interface TestCall {
  readonly step: LiveStep;
  /** Records the outcome, with the whole text, and ends the step. */
  finish(text?: string): void;
  /** Ends the step without an outcome. */
  die(): void;
}

export interface TestReader {
  /** The next messages that come together; undefined at the end. */
  next(): Promise<readonly SubscribeResponse[] | undefined>;
  /** All messages up to the first that matches. */
  until(matches: (response: SubscribeResponse) => boolean): Promise<SubscribeResponse[]>;
  rest(): Promise<SubscribeResponse[]>;
  leave(): void;
}

/** A backend's streams over a journal; `restart` makes another one over the same. */
export function createStreaming(journals = createTestJournals()) {
  const hub = createHub();
  const live = createLiveSteps(hub);
  const world = { now: 0 };
  const clock = { now: () => 0, monotonic: () => world.now };
  const progress = createProgressFeed(clock);
  const deps = {
    store: journals.store,
    executions: createStates(journals.store),
    live,
    hub,
    clock,
    progress,
    maxSubscribers: 256,
  };
  const handlers = executionQueryHandlers(deps);
  const append = (event: TestEvent): void => {
    journals.append(EXECUTION, event);
    hub.changed(EXECUTION);
  };
  return {
    ...{ journals, hub, live, append, handlers },
    pass(ms: number) {
      world.now += ms;
    },
    change: (phase: Phase) => append({ event: { case: "phaseChanged", value: { phase } } }),
    call(stepKey: string, attempt = 1): TestCall {
      append({ stepKey, attempt, event: { case: "modelCallStarted", value: {} } });
      const { promise, resolve, reject } = Promise.withResolvers<ExecutionEvent["event"]>();
      const step = live.start({ executionId: EXECUTION, stepKey, attempt, digest: "" }, () => promise);
      return {
        step,
        finish(text = "") {
          const message = { parts: [{ part: { case: "text" as const, value: text } }] };
          append({ stepKey, attempt, event: { case: "modelCallFinished", value: { message } } });
          resolve({ case: undefined });
        },
        die: () => reject(new Error("no outcome")),
      };
    },
    subscribe: (request: MessageInitShape<typeof SubscribeRequestSchema> = {}) => subscribeTo(handlers, request),
  };
}

export type Streaming = ReturnType<typeof createStreaming>;

function subscribeTo(handlers: readonly Handler[], init: MessageInitShape<typeof SubscribeRequestSchema>): TestReader {
  const [handler] = handlers;
  if (handler?.shape !== "stream" || !handler.batches) throw new Error("subscribe is no stream");
  const leave = new AbortController();
  const request: SubscribeRequest = create(SubscribeRequestSchema, { executionId: EXECUTION, ...init });
  const call = { method: handler.method, org: "local", signal: leave.signal } as Call;
  const source = handler.batches(request, call)[Symbol.asyncIterator]() as AsyncIterator<readonly SubscribeResponse[]>;
  const next = async (): Promise<readonly SubscribeResponse[] | undefined> => {
    const { done, value } = await source.next();
    return done ? undefined : value;
  };
  const all: SubscribeResponse[] = [];
  return {
    next,
    async until(matches) {
      const before = all.length;
      for (;;) {
        const batch = await next();
        if (!batch) throw new Error("the stream ended before the message that was waited for");
        all.push(...batch);
        if (batch.some(matches)) return all.slice(before);
      }
    },
    async rest() {
      const list: SubscribeResponse[] = [];
      for (let batch = await next(); batch; batch = await next()) list.push(...batch);
      return list;
    },
    leave: () => leave.abort(new Error("left")),
  };
}

/** What a message is, in short: `#3`, `model@4 text`, `model again`. */
export function brief({ message }: SubscribeResponse): string {
  if (message.case === "entry") return `#${message.value.sequence}`;
  if (message.case === "delta") return `${message.value.stepKey}@${message.value.offset} ${message.value.text}`;
  return `${message.value?.stepKey} again`;
}

export const isDelta = ({ message }: SubscribeResponse): boolean => message.case === "delta";
