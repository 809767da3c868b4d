import { createRequire, syncBuiltinESMExports } from "node:module";
import type { Random } from "./random.ts";
import type { Deferred, VirtualTime } from "./virtual-time.ts";

const timersPromises: Record<string, unknown> = createRequire(import.meta.url)("node:timers/promises");

/**
 * Gives this thread the world's time and chance instead of the machine's, for all code that runs in it, until it is
 * disposed.
 */
export function takeOverGlobals(time: VirtualTime, random: Random, wall: () => number): Disposable {
  const undo: (() => void)[] = [];
  const replace = (on: object, name: string, value: unknown): void => {
    const before = Object.getOwnPropertyDescriptor(on, name);
    Object.defineProperty(on, name, { value, configurable: true, writable: true });
    undo.push(() => (before ? Object.defineProperty(on, name, before) : Reflect.deleteProperty(on, name)));
  };
  const timers = createTimers(time);
  for (const [name, value] of Object.entries(timers.globals)) replace(globalThis, name, value);
  for (const [name, value] of Object.entries(timers.promises)) replace(timersPromises, name, value);
  replace(Math, "random", random.next);
  replace(Date, "now", wall);
  replace(performance, "now", time.now);
  replace(AbortSignal, "timeout", timers.signalAfter);
  replace(crypto, "getRandomValues", (bytes: Uint8Array) => bytes.map((_, at, all) => (all[at] = random.int(0, 255))));
  replace(crypto, "randomUUID", () => uuid(random));
  syncBuiltinESMExports();
  return {
    [Symbol.dispose]() {
      for (const restore of undo.reverse()) restore();
      syncBuiltinESMExports();
    },
  };
}

/** What code gets for a timer. */
type Timer = Deferred & { unref(): Timer; ref(): Timer; hasRef(): boolean; [Symbol.dispose](): void };

function createTimers(time: VirtualTime) {
  const timerOf = (deferred: Deferred): Timer => {
    const timer: Timer = {
      ...deferred,
      unref: () => timer,
      ref: () => timer,
      hasRef: () => true,
      [Symbol.dispose]: deferred.cancel,
    };
    return timer;
  };
  const once = (ms: number, act: () => void): Timer => timerOf(time.after(time.current(), ms, act));
  const repeat = (act: () => void, ms: number): Timer => {
    let next = once(ms, tick);
    function tick(): void {
      next = once(ms, tick);
      act();
    }
    return timerOf({ cancel: () => next.cancel() });
  };
  const clear = (timer?: Timer): void => timer?.cancel();
  const later = async (ms = 0, value?: unknown, options: { readonly signal?: AbortSignal } = {}): Promise<unknown> => {
    const { signal } = options;
    signal?.throwIfAborted();
    return await new Promise((resolve, reject) => {
      const timer = once(ms, () => resolve(value));
      const aborted = (): void => {
        timer.cancel();
        reject(signal?.reason);
      };
      signal?.addEventListener("abort", aborted, { once: true });
    });
  };
  return {
    globals: {
      setTimeout: (act: (...of: unknown[]) => void, ms = 0, ...of: unknown[]) =>
        once(Math.max(1, ms), () => act(...of)),
      setInterval: (act: () => void, ms = 0) => repeat(act, Math.max(1, ms)),
      setImmediate: (act: (...of: unknown[]) => void, ...of: unknown[]) => once(0, () => act(...of)),
      clearTimeout: clear,
      clearInterval: clear,
      clearImmediate: clear,
    },
    promises: { setTimeout: later, setImmediate: (value?: unknown) => later(0, value) },
    signalAfter(ms: number): AbortSignal {
      const controller = new AbortController();
      once(ms, () => controller.abort(new DOMException("the time is over", "TimeoutError")));
      return controller.signal;
    },
  };
}

function uuid(random: Random): string {
  const hex = Array.from({ length: 32 }, () => random.int(0, 15).toString(16)).join("");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20)}`;
}
