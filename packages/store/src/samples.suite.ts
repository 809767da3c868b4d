import { Fault, type Reason } from "@stigmer/base";
import { expect } from "vitest";
import type { Task } from "./journal.ts";
import type { OpenedStore } from "./opened-store.ts";
import type { Change, RowContent, RowFilter } from "./row.ts";
import type { Batch, Store } from "./store.ts";

/** Declares one promise of a driver. */
export type Promised = (
  title: string,
  body: (opened: OpenedStore) => Promise<void>,
  limits?: { readonly keepChanges: number },
) => void;

export const AGENTS: RowFilter = { tenant: "t1", kind: "Agent" };

export const agent = (id: string) => ({ ...AGENTS, id });

export const stream = (name: string) => ({ tenant: "t1", stream: name });

/** A row without name and parent. */
export function row(id: string, more: Partial<RowContent> = {}): RowContent {
  return { ...agent(id), name: "", parent: "", labels: {}, bytes: text(id), ...more };
}

/** A task that is offered and due at once. */
export function task(id: string, more: Partial<Task> = {}): Task {
  return { tenant: "t1", queue: "q", id, epoch: 0, holder: "", dueAt: 0, bytes: text(id), ...more };
}

export const text = (value: string): Uint8Array => new TextEncoder().encode(value);

export const textOf = (bytes: Uint8Array | undefined): string | undefined =>
  bytes === undefined ? undefined : new TextDecoder().decode(bytes);

/** The integers below `count`. */
export const upTo = (count: number): number[] => Array.from({ length: count }, (_, at) => at);

/** Lets everybody else have a turn, also where the store answers without waiting for anything. */
export const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** All that an iteration yields. */
export async function collect<T>(values: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const value of values) all.push(value);
  return all;
}

/** Commits one batch after the other. */
export async function commitAll(store: Store, batches: readonly Batch[]): Promise<number[]> {
  const revisions: number[] = [];
  for (const batch of batches) revisions.push(await store.commit(batch));
  return revisions;
}

/** Expects a call to be refused for a reason. */
export async function expectRefusal(call: () => unknown, reason: Reason): Promise<Fault> {
  const fault = await outcome(call);
  if (!(fault instanceof Fault)) throw new Error(`expected ${reason}, got ${String(fault)}`);
  expect(fault.reason).toBe(reason);
  return fault;
}

async function outcome(call: () => unknown): Promise<unknown> {
  try {
    return { answered: await call() };
  } catch (error) {
    return error;
  }
}

/** Watches until `enough` of the changes so far, and returns those. */
export async function watchUntil(
  store: Store,
  { after, filter = AGENTS }: { readonly after: number; readonly filter?: RowFilter },
  enough: (changes: readonly Change[]) => boolean,
): Promise<readonly Change[]> {
  const stop = new AbortController();
  const seen: Change[] = [];
  for await (const changes of store.watch(filter, { after, signal: stop.signal })) {
    seen.push(...changes);
    if (enough(seen)) stop.abort();
  }
  return seen;
}

/** Watches until the change of a row that is called `last`, which is put now, and returns what came before. */
export async function watchToEnd(store: Store, after: number, filter: RowFilter = AGENTS): Promise<readonly Change[]> {
  await store.commit({ puts: [row("last", { ...filter, parent: filter.parent ?? "" })] });
  const seen = await watchUntil(store, { after, filter }, (changes) => changes.at(-1)?.row.id === "last");
  return seen.slice(0, -1);
}

/** What a change says, in short. */
export const brief = ({ revision, type, row: { id } }: Change): string => `${revision} ${type} ${id}`;
