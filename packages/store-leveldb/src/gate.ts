import { type MaybePromise, storeClosed } from "@stigmer/store";
import type { Level } from "./level.ts";
import { isNotOpen, openFault, readFault, type Site } from "./level-errors.ts";

/** What every call of a store passes through. */
export type Gate = {
  /**
   * Runs `read`: at once where the database is open, and where it is being opened again, afterwards. Refuses with
   * `STORE_CLOSED` once the store is closed. Errors of the database become faults.
   */
  through<T>(read: () => MaybePromise<T>): MaybePromise<T>;
  /** As `through`, for what can't wait: refuses while the database is being opened again. */
  now<T>(read: () => T): T;
  /** For what is in memory: refuses only once the store is closed. */
  known<T>(read: () => T): T;
  /**
   * Closes the database, opens it again and repairs it; calls wait meanwhile. Where that fails, they wait for another try:
   * nobody reads what is not repaired.
   */
  reopen(repair: () => Promise<void>): Promise<void>;
  readonly closed: boolean;
  /** Refuses every later call. */
  shut(): void;
};

export function createGate(level: Level, site: Site): Gate {
  let closed = false;
  let opening: Promise<void> | undefined;
  let repairing: (() => Promise<void>) | undefined;
  const isOpen = (): boolean => level.status === "open" && repairing === undefined;

  function through<T>(read: () => MaybePromise<T>): MaybePromise<T> {
    if (closed) throw storeClosed();
    if (!isOpen()) return whenOpen().then(() => through(read));
    try {
      const result = read();
      return result instanceof Promise ? result.catch((error) => again(error, read)) : result;
    } catch (error) {
      throw readFault(error, site);
    }
  }

  function now<T>(read: () => T): T {
    if (closed || repairing !== undefined) throw storeClosed();
    try {
      return read();
    } catch (error) {
      throw readFault(error, site);
    }
  }

  function known<T>(read: () => T): T {
    if (closed) throw storeClosed();
    return read();
  }

  // A read that was under way when the database closed starts anew; the store itself is still open.
  function again<T>(error: unknown, read: () => MaybePromise<T>): MaybePromise<T> {
    if (closed) throw storeClosed();
    if (!isNotOpen(error)) throw readFault(error, site);
    return whenOpen().then(() => through(read));
  }

  async function whenOpen(): Promise<void> {
    try {
      opening ??= begin();
      await opening;
    } catch (error) {
      throw openFault(error, site);
    }
  }

  async function reopen(repair: () => Promise<void>): Promise<void> {
    repairing = repair;
    opening = begin();
    await opening;
  }

  function begin(): Promise<void> {
    return open().finally(() => {
      opening = undefined;
    });
  }

  async function open(): Promise<void> {
    if (repairing !== undefined) await level.close();
    await level.open();
    await repairing?.();
    repairing = undefined;
  }

  return {
    through,
    now,
    known,
    reopen,
    get closed() {
      return closed;
    },
    shut: () => {
      closed = true;
    },
  };
}
