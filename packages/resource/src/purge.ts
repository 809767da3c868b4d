import type { Message } from "@bufbuild/protobuf";
import { type Clock, isFault, type Log, precondition } from "@stigmer/base";
import type { Batch, Reader, Row, RowKey, Store, TaskKey } from "@stigmer/store";
import type { Call } from "./call.ts";
import { dataKeyRow } from "./data-keys.ts";
import { guardOf } from "./keeping.ts";
import type { Kind, Kinds, Resource } from "./kind.ts";
import type { Pipeline, PipelineDeps, Plan } from "./pipeline.ts";
import type { Auditor } from "./port.ts";
import { PURGE_QUEUE, purgeTask } from "./purge-task.ts";
import { revisionKind, sealedKind, tagKind } from "./revisions.ts";
import { deletedKind, fromRow } from "./stored.ts";
import type { Verb } from "./verbs/commands.ts";
import { requireDeleted } from "./verbs/remove.ts";

const PAGE = 1_000;
const DUE_AT_ONCE = 100;
const INTERVAL_MS = 60 * 60 * 1000;

/** purge of one kind. */
export function purgeVerb(deps: PipelineDeps, pipeline: Pipeline, kind: Kind): Verb {
  return (request, call) =>
    pipeline.command(request, call, () => planPurge(deps, kind, request as Message & { readonly id: string }, call));
}

async function planPurge(
  deps: PipelineDeps,
  kind: Kind,
  { id }: { readonly id: string },
  call: Call,
): Promise<Plan<Resource>> {
  const row = await requireDeleted(deps, kind, { org: call.org, id }, (there) => {
    const message = `${kind.options.kind.toLowerCase()} "${there.name}" is not deleted; delete it first`;
    return precondition("RESOURCE_NOT_DELETED", { kind: kind.options.kind, name: there.name }, { message });
  });
  return { ...(await purgeOf(deps.store, kind, row)), answer: fromRow(kind, row), resource: id };
}

/** All that is kept of a deleted resource. */
async function purgeOf(read: Reader, kind: Kind, row: Row) {
  const { tenant, id, version } = row;
  const [sealed = [], ...kept] = await Promise.all(
    [sealedKind(kind), revisionKind(kind), tagKind(kind)].map((of) => keysOf(read, { tenant, kind: of, parent: id })),
  );
  const key = { tenant, kind: deletedKind(kind), id };
  const hasKey = kind.holdsSecrets || sealed.length > 0;
  const dataKey = hasKey ? [dataKeyRow({ org: tenant, kind: kind.options.kind, id })] : [];
  const deletes = [key, ...sealed, ...kept.flat(), ...dataKey, guardOf({ kind, row })];
  const batch: Batch = { deletes, taskDeletes: [purgeTask(kind, row, 0)] };
  return { batch, preconditions: [{ row: key, version }] };
}

async function keysOf(
  read: Reader,
  filter: { readonly tenant: string; readonly kind: string; readonly parent: string },
): Promise<RowKey[]> {
  const keys: RowKey[] = [];
  let after: string | undefined;
  do {
    const page = await read.page(filter, { limit: PAGE, ...(after !== undefined && { after }) });
    keys.push(...page.rows.map(({ tenant, kind, id }) => ({ tenant, kind, id })));
    after = page.next;
  } while (after !== undefined);
  return keys;
}

/** Removes deleted resources for good when their time has come. */
export interface Purger {
  /** Looks at once, and from then on every hour. */
  start(): void;
  /** Purges what is due; what fails is tried again at the next look. */
  sweep(): Promise<void>;
  stop(): void;
}

export type PurgerDeps = {
  readonly store: Store;
  readonly kinds: Kinds;
  readonly auditor: Auditor;
  readonly clock: Clock;
  readonly log: Log;
};

export function createPurger(deps: PurgerDeps): Purger {
  const { store, clock, log } = deps;
  let timer: NodeJS.Timeout | undefined;
  const sweep = async (): Promise<void> => {
    for (;;) {
      const due = await store.due(PURGE_QUEUE, { until: clock.now(), limit: DUE_AT_ONCE, held: false });
      const purged = await Promise.all(due.map((task) => purgeDue(deps, task)));
      if (due.length < DUE_AT_ONCE || !purged.includes(true)) return;
    }
  };
  const look = (): void =>
    void sweep().catch((err: unknown) => log.warn({ err }, "deleted resources were not purged; tried again later"));
  return {
    sweep,
    start() {
      look();
      timer = setInterval(look, INTERVAL_MS).unref();
    },
    stop: () => clearInterval(timer),
  };
}

/** Whether it is gone now. */
async function purgeDue(deps: PurgerDeps, task: TaskKey): Promise<boolean> {
  const { store, log } = deps;
  const [name = "", id = ""] = task.id.split("/");
  const kind = deps.kinds.named(name);
  const row = kind && (await store.get({ tenant: task.tenant, kind: deletedKind(kind), id }));
  try {
    if (!kind || !row) await store.commit({ taskDeletes: [task] });
    else {
      const { batch, preconditions } = await purgeOf(store, kind, row);
      await store.commit({ ...batch, audits: [recordOf(deps, kind, row)] }, preconditions);
      log.info({ kind: name, id }, "deleted resource purged");
    }
    return true;
  } catch (error) {
    if (!isFault(error, "VERSION_MOVED")) throw error;
    return false; // it was undeleted just now
  }
}

function recordOf({ auditor, clock }: PurgerDeps, kind: Kind, { tenant, id }: Row): Uint8Array {
  const method = `${kind.options.kind}/purge`;
  return auditor.encode({
    ...{ time: clock.now(), requestId: "", subject: "system", method },
    ...{ org: tenant, resource: id, outcome: "ok" },
  });
}
