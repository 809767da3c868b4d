import { AsyncLocalStorage } from "node:async_hooks";
import { createEventQueue } from "./event-queue.ts";

/** A process of the simulated world: it owns the timers and the deliveries that were made for it. */
export type SimProcess = { readonly name: string; alive: boolean; frozen: boolean; readonly held: (() => void)[] };

/** What was put off; it can be called off. */
export type Deferred = { cancel(): void };

/** Time that passes only from one event to the next; between two events every promise that can settle does. */
export interface VirtualTime {
  /** Milliseconds since the world began. */
  now(): number;
  /** The process whose code runs; the world itself where it is nobody's. */
  current(): SimProcess;
  spawn(name: string): SimProcess;
  /** Nothing that the process has put off will run, and nothing reaches it. */
  kill(process: SimProcess): void;
  /** What comes due for the process waits until it is thawed, as with SIGSTOP. */
  freeze(process: SimProcess): void;
  thaw(process: SimProcess): void;
  /** Runs code as the process. */
  as<T>(process: SimProcess, act: () => T): T;
  after(process: SimProcess, ms: number, act: () => void): Deferred;
  /** Lets time pass until `done`, until nothing is left to happen, or to the moment `until`. */
  run(until: number, done: () => boolean): Promise<void>;
}

const settled = setImmediate;

/** `failed` is told what an event threw. */
export function createVirtualTime(failed: (error: unknown) => void): VirtualTime {
  const context = new AsyncLocalStorage<SimProcess>();
  const world: SimProcess = { name: "world", alive: true, frozen: false, held: [] };
  const queue = createEventQueue();
  let now = 0;

  const happen = (process: SimProcess, act: () => void): void => {
    if (!process.alive) return;
    if (process.frozen) {
      process.held.push(act);
      return;
    }
    try {
      context.run(process, act);
    } catch (error) {
      failed(error);
    }
  };
  const after = (process: SimProcess, ms: number, act: () => void): Deferred => {
    let cancelled = false;
    queue.add(now + Math.max(0, ms), () => {
      if (!cancelled) happen(process, () => (cancelled ? undefined : act()));
    });
    return {
      cancel: () => {
        cancelled = true;
      },
    };
  };
  return {
    now: () => now,
    current: () => context.getStore() ?? world,
    spawn: (name) => ({ name, alive: true, frozen: false, held: [] }),
    kill: (process) => {
      process.alive = false;
      process.held.length = 0;
    },
    freeze: (process) => {
      process.frozen = true;
    },
    thaw(process) {
      process.frozen = false;
      for (const act of process.held.splice(0)) queue.add(now, () => happen(process, act));
    },
    as: (process, act) => context.run(process, act),
    after,
    async run(until, done) {
      for (;;) {
        await new Promise((resolve) => settled(resolve));
        if (done()) return;
        const next = queue.peek();
        if (next === undefined || next > until) break;
        now = next;
        queue.take()();
      }
      now = Math.max(now, until);
    },
  };
}
