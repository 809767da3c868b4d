import { setTimeout as delay } from "node:timers/promises";
import { type Clock, invalid, unavailable } from "@stigmer/base";
import type { Store } from "@stigmer/store";

type MinVersionDeps = { readonly store: Pick<Store, "revision">; readonly clock: Clock };

/** How long an answer waits for the version that it must not be older than. */
const LONGEST_WAIT_MS = 1_000;
const LOOK_EVERY_MS = 20;

/**
 * Resolves once the store has reached the version; an empty one means any. Refuses what is no version with
 * `INVALID_REQUEST`, and with `VERSION_NOT_REACHED` one that the store does not reach in a moment.
 */
export async function reachVersion(deps: MinVersionDeps, version: string, signal: AbortSignal): Promise<void> {
  if (version === "") return;
  if (!/^\d{1,15}$/.test(version)) {
    throw invalid([{ field: "minResourceVersion", description: "is no version that a write or a list returned" }]);
  }
  const { store, clock } = deps;
  const wanted = Number(version);
  const until = clock.monotonic() + LONGEST_WAIT_MS;
  while (store.revision() < wanted) {
    if (clock.monotonic() >= until) throw unavailable("VERSION_NOT_REACHED", { current: store.revision() });
    await delay(LOOK_EVERY_MS, undefined, { signal });
  }
}
