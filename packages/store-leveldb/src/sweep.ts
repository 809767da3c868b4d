import type { Clock, Log } from "@stigmer/base";
import { expiryRange } from "./keys.ts";
import type { View } from "./level.ts";

const EVERY_MS = 60_000;
const AT_ONCE = 250;

/** Finds answers whose time is over, some at a time and not more often than once a minute while there are few. */
export type Sweep = {
  /** Entries of the index by expiry; empty while no sweep is due. A failure is logged, and the next sweep tries again. */
  expired(): Promise<readonly string[]>;
};

export function createSweep(deps: { readonly view: View; readonly clock: Clock; readonly log: Log }): Sweep {
  const { view, clock, log } = deps;
  let next = clock.monotonic() + EVERY_MS;

  async function expired(): Promise<readonly string[]> {
    if (clock.monotonic() < next) return [];
    next = clock.monotonic() + EVERY_MS;
    try {
      const found = await view.keys(expiryRange(clock.now()), { limit: AT_ONCE });
      if (found.length === AT_ONCE) next = clock.monotonic();
      return found;
    } catch (error) {
      log.warn({ error }, "expired answers could not be read");
      return [];
    }
  }

  return { expired };
}
