import { create } from "@bufbuild/protobuf";
import {
  type ExecutionPhase,
  type SubscribeResponse,
  SubscribeResponseSchema,
  type ToolProgress,
} from "@stigmer/contracts/agentic";
import type { Store } from "@stigmer/store";
import { type ExecutionRef, streamKey } from "./execution-ref.ts";
import type { Executions } from "./executions.ts";
import type { Hub } from "./hub.ts";
import { inBatches, isCallFinished, type SentEntry, sentEntry } from "./journal-page.ts";
import type { LiveSteps } from "./live-steps.ts";
import type { ProgressFeed } from "./progress.ts";
import { isFinal } from "./state.ts";
import { createTailLog, type Follower } from "./tail-log.ts";
import { createTailTexts, type OpenText } from "./tail-texts.ts";

export type TailDeps = {
  readonly store: Pick<Store, "read">;
  readonly executions: Pick<Executions, "load">;
  readonly live: Pick<LiveSteps, "of" | "get" | "onText">;
  readonly hub: Pick<Hub, "on">;
  readonly progress: Pick<ProgressFeed, "on">;
};

/** What is new of one execution: read from the store once, and published to all who follow it. */
export interface Tail {
  /** The newest entry that it has published. */
  sequence(): number;
  /** Whether that entry ended the execution. */
  isFinal(): boolean;
  /** Bytes that it has published. */
  written(): number;
  /** Calls that are open after the newest entry. */
  opens(): Iterable<OpenText>;
  follow(): Follower;
  /** Throws what keeps it from reading the journal. */
  throwIfFailed(): void;
}

export interface Tails {
  /**
   * The tail of an execution with all that was committed before this call; it goes on until everyone has disposed of it.
   * Refuses with `RESOURCE_NOT_FOUND`.
   */
  open(ref: ExecutionRef): Promise<Tail & Disposable>;
}

/** A tail, and how it is kept going. */
type RunningTail = Tail & {
  /** Publishes all that was committed before this call. Never rejects: `throwIfFailed` says what is wrong. */
  refresh(): Promise<void>;
  stop(): void;
};

/** Entries that are published together, and encoded once, have at most so many bytes. */
const BATCH_BYTES = 64 * 1024;
const READ_PAGE = 200;
const PROGRESS_BYTES = 64;

export function createTails(deps: TailDeps): Tails {
  const tails = new Map<string, { readonly tail: RunningTail; users: number }>();
  return {
    async open(ref) {
      await deps.executions.load(ref);
      const key = `${ref.org}/${ref.id}`;
      const shared = tails.get(key) ?? { tail: createTail(deps, ref), users: 0 };
      tails.set(key, shared);
      shared.users++;
      const forget = (): void => {
        if (tails.get(key) === shared) tails.delete(key);
      };
      const leave = (): void => {
        if (--shared.users > 0) return;
        shared.tail.stop();
        forget();
      };
      try {
        await shared.tail.refresh();
        shared.tail.throwIfFailed();
        return { ...shared.tail, [Symbol.dispose]: leave };
      } catch (error) {
        forget(); // whoever comes next begins anew
        leave();
        throw error;
      }
    },
  };
}

function createTail(deps: TailDeps, ref: ExecutionRef): RunningTail {
  const { live } = deps;
  const log = createTailLog();
  const texts = createTailTexts(live, ref.id, log);
  const failed: { error?: unknown } = {};
  let sequence = 0;
  let phase: ExecutionPhase = 0;

  async function start(): Promise<void> {
    const noted = live.of(ref.id);
    const state = await deps.executions.load(ref);
    ({ sequence } = state);
    ({ phase } = state.status);
    texts.start(noted, state);
  }

  /** A step that was there before the read has its beginning in what was read. */
  async function readOn(): Promise<void> {
    const noted = live.of(ref.id);
    for (let count = READ_PAGE; count === READ_PAGE; ) {
      const entries = await deps.store.read(streamKey(ref), { from: sequence + 1, limit: READ_PAGE });
      count = entries.length;
      for (const batch of inBatches(entries.map(sentEntry), BATCH_BYTES)) publish(batch);
    }
    texts.begun(noted);
    texts.publish();
    log.wake();
  }

  function publish(entries: readonly SentEntry[]): void {
    for (const entry of entries) {
      sequence = entry.sequence;
      phase = entry.phase ?? phase;
      if (isCallFinished(entry)) texts.close(entry);
    }
    const bytes = entries.reduce((sum, entry) => sum + entry.bytes, 0);
    log.add({ responses: entries.map(({ response }) => response), entries, place: undefined }, bytes);
  }

  const fail = (error: unknown): void => {
    failed.error = error;
    log.wake();
  };
  const started = start().catch(fail);
  const refresh = oneAtATime(() => readOn().catch(fail), started);
  const onText = (): void => {
    if (texts.publish()) void refresh(); // it never rejects
    log.wake();
  };
  const onProgress = (progress: ToolProgress): void => {
    const response = progressResponse(progress);
    log.add({ responses: [response], entries: [], place: undefined }, PROGRESS_BYTES + progress.message.length);
    log.wake();
  };
  const offs = [
    deps.hub.on(ref.id, () => void refresh()),
    live.onText(ref.id, onText),
    deps.progress.on(ref.id, onProgress),
  ];
  return {
    sequence: () => sequence,
    isFinal: () => isFinal(phase),
    written: log.written,
    opens: texts.opens,
    follow: log.follow,
    refresh,
    throwIfFailed() {
      if ("error" in failed) throw failed.error;
    },
    stop() {
      for (const off of offs) off();
    },
  };
}

function progressResponse({ call, progress, total, message }: ToolProgress): SubscribeResponse {
  const { stepKey = "", attempt = 0 } = call ?? {};
  const value = { stepKey, attempt, progress, total, message };
  return create(SubscribeResponseSchema, { message: { case: "toolProgress", value } });
}

/** Runs once for all who ask before it begins: each waits for one that begins after it asked, and after `first`. */
function oneAtATime(run: () => Promise<void>, first: Promise<void>): () => Promise<void> {
  let current: Promise<void> | undefined = first;
  let queued: Promise<void> | undefined;
  const begin = (): Promise<void> => {
    queued = undefined;
    const own = run();
    current = own;
    void own.then(() => {
      if (current === own) current = undefined;
    });
    return own;
  };
  return () => {
    if (!current) return begin();
    queued ??= current.then(begin);
    return queued;
  };
}
