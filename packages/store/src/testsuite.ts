import { describe, it } from "vitest";
import { commitSuite } from "./commit.suite.ts";
import { identifierSuite } from "./identifier.suite.ts";
import { journalSuite } from "./journal.suite.ts";
import { lifetimeSuite } from "./lifetime.suite.ts";
import { nameSuite } from "./name.suite.ts";
import { pageSuite } from "./page.suite.ts";
import { recordSuite } from "./record.suite.ts";
import type { Promised } from "./samples.suite.ts";
import { snapshotSuite } from "./snapshot.suite.ts";
import type { Store } from "./store.ts";
import { taskSuite } from "./task.suite.ts";
import { watchSuite } from "./watch.suite.ts";

/** A store of its own for one test; disposing of it closes the store and removes what it left. */
export type OpenedStore = AsyncDisposable & {
  /** Empty at first. */
  readonly store: Store;
  /** Closes the store, unless it is closed, and opens it again at the same place. */
  reopen(): Promise<Store>;
};

/** Opens an empty store. `keepChanges` is how many revisions back a watch must be able to start, and not much further. */
export type OpenStore = (limits: { readonly keepChanges: number }) => Promise<OpenedStore>;

/** A promise that a driver does not keep by design. */
export type Exception = { readonly test: string; readonly reason: string };

/** States what every driver promises, one test each. An exception that names no test is an error. */
export function storeSuite(
  name: string,
  open: OpenStore,
  options: { readonly except?: readonly Exception[] } = {},
): void {
  const except = new Map(options.except?.map(({ test, reason }) => [test, reason]));
  const unknown = new Set(except.keys());
  const promised: Promised = (title, body, limits = { keepChanges: 100_000 }) => {
    const reason = except.get(title);
    unknown.delete(title);
    if (reason !== undefined) return it.skip(`${title} (except: ${reason})`, () => {});
    it(title, async () => {
      await using opened = await open(limits);
      await body(opened);
    });
  };

  describe(name, () => {
    for (const suite of SUITES) suite(promised);
  });
  if (unknown.size > 0) throw new Error(`exceptions that name no test: ${[...unknown].join(", ")}`);
}

const SUITES: readonly ((promised: Promised) => void)[] = [
  commitSuite,
  nameSuite,
  snapshotSuite,
  pageSuite,
  identifierSuite,
  watchSuite,
  journalSuite,
  taskSuite,
  recordSuite,
  lifetimeSuite,
];
