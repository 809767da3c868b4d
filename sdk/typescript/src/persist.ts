import { backoff, pause, spread } from "./backoff.ts";
import type { Link } from "./link.ts";
import type { Log } from "./log.ts";
import { verdictOn } from "./verdict.ts";

/** Makes a call, again and again, until it has an outcome or the attempt is over. */
export type Persist = <T>(call: () => Promise<T>) => Promise<T>;

export type PersistDeps = {
  readonly link: Link;
  readonly signal: AbortSignal;
  readonly log: Log;
  /** The lease is somebody else's. */
  readonly fenced: () => void;
};

const MOST_BROKEN_TRIES = 6;

/** While the line is down a call waits for the next welcome: before it the backend does not know whose lease it is. */
export function createPersist(deps: PersistDeps): Persist {
  const { link, signal } = deps;
  return async (call) => {
    let generation = 0;
    for (let tries = 0; ; tries++) {
      if (!link.isUp()) await reconnected(link, signal);
      signal.throwIfAborted();
      if (generation !== link.generation()) tries = 0;
      generation = link.generation();
      try {
        return await call();
      } catch (error) {
        signal.throwIfAborted();
        if (!worthAnotherTry(error, tries, deps)) throw error;
      }
      await pause(backoff(tries, Math.random()), signal);
    }
  };
}

// A backend that comes back is not asked by all who waited at once: about one call a millisecond, for at most a second.
async function reconnected(link: Link, signal: AbortSignal): Promise<void> {
  do {
    await link.whenUp(signal);
    await pause(spread(link.waitedForIt(), Math.random()), signal);
  } while (!link.isUp());
}

function worthAnotherTry(error: unknown, tries: number, deps: PersistDeps): boolean {
  const verdict = verdictOn(error);
  if (verdict === "fenced") {
    deps.fenced();
    throw deps.signal.reason;
  }
  const again = verdict === "away" || (verdict === "broken" && tries < MOST_BROKEN_TRIES);
  if (again) deps.log.debug({ err: error, verdict, tries }, "step call is tried again");
  return again;
}
