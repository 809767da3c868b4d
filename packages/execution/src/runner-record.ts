import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { type Clock, type IdSource, isFault, unavailable } from "@stigmer/base";
import {
  type Hello,
  type Runner,
  RunnerSchema,
  RunnerSpecSchema,
  RunnerStatusSchema,
} from "@stigmer/contracts/agentic";
import {
  type Call,
  fromRow,
  type Kind,
  metadataOf,
  type Plan,
  type Resource,
  requireById,
  toRow,
} from "@stigmer/resource";
import type { Store } from "@stigmer/store";
import { type Connection, type Runners, sendTo } from "./runners.ts";

export type RunnerRecordDeps = {
  readonly store: Store;
  readonly runnerKind: Kind;
  readonly runners: Runners;
  readonly clock: Clock;
  readonly ids: IdSource;
};

const MAX_NOTES = 16;

/**
 * Keeps the runner's record, which people read; nothing is decided by it. A line that goes and one that comes may both
 * write it: whoever writes last has looked at both.
 */
export async function noteRunner(deps: RunnerRecordDeps, hello: Hello, org: string): Promise<void> {
  for (let count = 1; ; count++) {
    const row = await deps.store.getByName({ tenant: org, kind: deps.runnerKind.options.kind, name: hello.name });
    const runner = row ? (fromRow(deps.runnerKind, row) as Runner) : newRunner(deps, hello, org);
    const connected = deps.runners.named(org, hello.name) !== undefined;
    describe(runner, hello, { connected, now: deps.clock.now() });
    const put = toRow(deps.runnerKind, org, runner);
    try {
      await deps.store.commit({ puts: [put] }, [{ row: put, version: row?.version ?? 0 }]);
      return;
    } catch (error) {
      const moved = isFault(error, "VERSION_MOVED") || isFault(error, "RESOURCE_EXISTS");
      if (!moved || count === MAX_NOTES) throw error;
    }
  }
}

function describe(runner: Runner, hello: Hello, as: { readonly connected: boolean; readonly now: number }): void {
  const { connected } = as;
  const metadata = metadataOf(runner);
  metadata.updateTime = timestampFromMs(as.now);
  const connectTime = connected ? metadata.updateTime : runner.status?.connectTime;
  const { roles, slots, build, labels, instance } = hello;
  const wasDraining = runner.status?.instance === instance && runner.status.draining;
  runner.spec = create(RunnerSpecSchema, { roles, slots, labels });
  runner.status = create(RunnerStatusSchema, {
    ...{ connected, build, instance, draining: connected && (hello.draining || wasDraining) },
    ...(connectTime && { connectTime }),
  });
}

function newRunner(deps: RunnerRecordDeps, hello: Hello, org: string): Runner {
  const now = timestampFromMs(deps.clock.now());
  const id = deps.ids.mint(deps.runnerKind.options.idPrefix);
  const metadata = {
    id,
    org,
    name: hello.name,
    generation: 1n,
    createTime: now,
    createdBy: "system",
    updatedBy: "system",
  };
  return create(RunnerSchema, { apiVersion: deps.runnerKind.apiVersion, kind: "Runner", metadata });
}

/** The process that had the name last: one name is one process, so that one has ended. */
export async function instanceBefore(deps: RunnerRecordDeps, name: string, org: string): Promise<string | undefined> {
  const row = await deps.store.getByName({ tenant: org, kind: deps.runnerKind.options.kind, name });
  return row && (fromRow(deps.runnerKind, row) as Resource & Runner).status?.instance;
}

/** The runner's record says that it drains. */
export async function noteDraining(deps: RunnerRecordDeps, { org, name }: Connection): Promise<void> {
  const row = await deps.store.getByName({ tenant: org, kind: deps.runnerKind.options.kind, name });
  if (!row) return;
  const runner = fromRow(deps.runnerKind, row) as Resource & Runner;
  if (!runner.status || runner.status.draining) return;
  runner.status.draining = true;
  await deps.store.commit({ puts: [toRow(deps.runnerKind, org, runner)] }, [{ row, version: row.version }]);
}

/** The runner is told after the commit; it says itself that it drains when it connects anew. */
export async function planDrain(deps: RunnerRecordDeps, id: string, { org }: Call): Promise<Plan<Runner>> {
  const row = await requireById(deps.store, deps.runnerKind, { org, id });
  const runner = fromRow(deps.runnerKind, row) as Resource & Runner;
  const connection = deps.runners.named(org, row.name);
  if (!connection) {
    const message = `runner "${row.name}" is not connected`;
    throw unavailable("RUNNER_NOT_CONNECTED", { runner: row.name }, { message });
  }
  if (runner.status?.draining) return { answer: runner, resource: id };
  if (runner.status) runner.status.draining = true;
  metadataOf(runner).resourceVersion = "";
  return {
    batch: { puts: [toRow(deps.runnerKind, org, runner)] },
    preconditions: [{ row, version: row.version }],
    answer: runner,
    resource: id,
    afterCommit: () => {
      connection.draining = true;
      sendTo(connection, { case: "drain", value: {} });
    },
  };
}
