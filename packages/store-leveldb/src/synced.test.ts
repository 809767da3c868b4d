import { silentLog, systemClock } from "@stigmer/base";
import type { AbstractBatchOptions } from "abstract-level";
import { expect, it } from "vitest";
import { FailingLevel } from "./failing-level.fake.ts";
import { row } from "./folder.suite.ts";
import { storeOver } from "./store-over.ts";

/** A database that tells of each write whether it was to be synced. */
class SyncedLevel extends FailingLevel {
  readonly synced: boolean[] = [];

  override async _batch(operations: unknown, options: AbstractBatchOptions<string, Uint8Array>): Promise<void> {
    this.synced.push((options as { readonly sync?: boolean }).sync === true);
    await super._batch(operations, options);
  }
}

it("syncs every write, also the one that undoes another", async () => {
  const level = new SyncedLevel();
  await using store = await storeOver(level, { clock: systemClock, log: silentLog });

  await store.commit({ puts: [row("a")] });
  level.failure = "after";
  await expect(store.commit({ puts: [row("b")] })).rejects.toThrow();
  level.failure = "none";
  await store.commit({ puts: [row("c")] });

  expect(level.synced.length).toBeGreaterThanOrEqual(4);
  expect(level.synced).not.toContain(false);
});

it("acknowledges a commit only once it is written", async () => {
  const level = new SyncedLevel();
  await using store = await storeOver(level, { clock: systemClock, log: silentLog });
  const written = Promise.withResolvers<void>();
  const begun = new Promise<void>((resolve) => {
    level.holds = () => {
      resolve();
      return written.promise;
    };
  });
  let isAcknowledged = false;

  const commit = store.commit({ puts: [row("a")] }).then(() => {
    isAcknowledged = true;
  });
  await begun;
  await new Promise((resolve) => setImmediate(resolve));
  const early = isAcknowledged;
  written.resolve();
  await commit;

  expect(early).toBe(false);
});
