import { unavailable } from "@stigmer/base";
import { CallParked } from "./call-parked.ts";

/** Answers that runners owe, by key. */
export interface Pending<T> {
  /** Notes that `instance` owes an answer; one that is noted already stays as it is. */
  open(key: string, instance: string): void;
  /** The answer, if one is owed. */
  get(key: string): Promise<T> | undefined;
  /** Whether `instance` owes this answer, or has given it and nobody has waited for it yet. */
  isOwedBy(key: string, instance: string): boolean;
  /**
   * The answer; refuses when the signal aborts or the runner is lost. Nothing is owed any more when it settles, unless the
   * signal aborts with a `CallParked`: then it is only this wait that ends.
   */
  wait(key: string, signal: AbortSignal): Promise<T>;
  /** Hands in an answer; false where `instance` owes none under this key. */
  resolve(key: string, instance: string, value: T): boolean;
  /** Nobody will ask for this answer. */
  forget(key: string): void;
  /** Refuses everything that `instance` owes, except under these keys. */
  lose(instance: string, except?: ReadonlySet<string>): void;
}

export function createPending<T>(): Pending<T> {
  const owed = new Map<string, PromiseWithResolvers<T> & { readonly instance: string }>();
  return {
    open(key, instance) {
      if (owed.has(key)) return;
      const entry = { ...Promise.withResolvers<T>(), instance };
      entry.promise.catch(() => {}); // nobody may be waiting yet
      owed.set(key, entry);
    },
    get: (key) => owed.get(key)?.promise,
    isOwedBy: (key, instance) => owed.get(key)?.instance === instance,
    async wait(key, signal) {
      const entry = owed.get(key);
      if (!entry) throw lost();
      const left = Promise.withResolvers<never>();
      const aborted = (): void => {
        if (signal.reason instanceof CallParked) left.reject(signal.reason);
        else entry.reject(signal.reason);
      };
      if (signal.aborted) aborted();
      signal.addEventListener("abort", aborted, { once: true });
      try {
        return await Promise.race([entry.promise, left.promise]);
      } finally {
        signal.removeEventListener("abort", aborted);
        const isParked = signal.aborted && signal.reason instanceof CallParked;
        if (owed.get(key) === entry && !isParked) owed.delete(key);
      }
    },
    resolve(key, instance, value) {
      const entry = owed.get(key);
      if (entry?.instance !== instance) return false;
      entry.resolve(value);
      return true;
    },
    forget: (key) => void owed.delete(key),
    lose(instance, except) {
      for (const [key, entry] of owed) {
        if (entry.instance !== instance || except?.has(key)) continue;
        entry.reject(lost());
        owed.delete(key);
      }
    },
  };
}

function lost(): Error {
  return unavailable("RUNNER_NOT_CONNECTED", {}, { message: "the runner was lost while it worked on this" });
}
