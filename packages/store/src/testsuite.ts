import { describe, it } from "vitest";
import { commitSuite } from "./commit.suite.ts";
import { identifierSuite } from "./identifier.suite.ts";
import { indexSuite } from "./index.suite.ts";
import { journalSuite } from "./journal.suite.ts";
import { lifetimeSuite } from "./lifetime.suite.ts";
import { markSuite } from "./mark.suite.ts";
import { nameSuite } from "./name.suite.ts";
import type { OpenStore } from "./opened-store.ts";
import { pageSuite } from "./page.suite.ts";
import { queueSuite } from "./queue.suite.ts";
import { recordSuite } from "./record.suite.ts";
import type { Promised } from "./samples.suite.ts";
import { snapshotSuite } from "./snapshot.suite.ts";
import { streamSnapshotSuite } from "./stream-snapshot.suite.ts";
import { taskSuite } from "./task.suite.ts";
import { watchSuite } from "./watch.suite.ts";

export type { OpenedStore, OpenStore } from "./opened-store.ts";

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
  indexSuite,
  watchSuite,
  journalSuite,
  markSuite,
  streamSnapshotSuite,
  taskSuite,
  queueSuite,
  recordSuite,
  lifetimeSuite,
];
