import { Fault, silentLog, systemClock } from "@stigmer/base";
import type { Batch, Change, Precondition, Row, RowContent, Store, Task } from "@stigmer/store";
import fc from "fast-check";
import { MemoryLevel } from "memory-level";
import { expect, it } from "vitest";
import { storeOver } from "./store-over.ts";

/** What a store is, said in the simplest way: maps, copied for each commit. */
type Model = {
  readonly revision: number;
  readonly rows: ReadonlyMap<string, Row>;
  readonly streams: ReadonlyMap<string, readonly string[]>;
  readonly marks: ReadonlyMap<string, readonly number[]>;
  readonly snapshots: ReadonlyMap<string, string>;
  readonly tasks: ReadonlyMap<string, Task>;
  readonly changes: readonly string[];
};

const EMPTY: Model = {
  revision: 0,
  rows: new Map(),
  streams: new Map(),
  marks: new Map(),
  snapshots: new Map(),
  tasks: new Map(),
  changes: [],
};

type Command = { readonly batch: Batch; readonly wanted: readonly Precondition[] };
type Act = readonly Command[] | "reopen";

const T = "t";
const STREAMS = ["s", "r"] as const;
const MARKS = ["m", "m\u0001", "mm"] as const;
const SEED = Number(process.env.SEED ?? Date.now() % 2 ** 31);

const ids = fc.constantFrom("a", "b", "ab", "\uffff", "\u{10000}");
const names = fc.constantFrom("", "", "one", "two", "three");
const kinds = fc.constantFrom("K", "L");
const bytes = fc.uint8Array({ maxLength: 3 });
const puts = fc.record({
  tenant: fc.constant(T),
  kind: kinds,
  id: ids,
  name: names,
  parent: fc.constantFrom("", "p", "q"),
  labels: fc.constant({}),
  bytes,
});
const keys = fc.record({ tenant: fc.constant(T), kind: kinds, id: ids });
const taskKeys = fc.record({ tenant: fc.constant(T), queue: fc.constant("q"), id: ids });
const tasks = fc.record({
  tenant: fc.constant(T),
  queue: fc.constant("q"),
  id: ids,
  epoch: fc.nat(2),
  holder: fc.constantFrom("", "h"),
  dueAt: fc.option(fc.integer({ min: -3, max: 3 }), { nil: undefined }),
  bytes,
});
const appends = fc.record({
  tenant: fc.constant(T),
  stream: fc.constantFrom(...STREAMS),
  after: fc.nat(3),
  events: fc.array(bytes, { maxLength: 2 }),
  marks: fc.array(fc.record({ key: fc.constantFrom(...MARKS), at: fc.nat({ max: 1 }) }), { maxLength: 1 }),
});
const streamSnapshots = fc.record({
  tenant: fc.constant(T),
  stream: fc.constantFrom(...STREAMS),
  sequence: fc.nat(3),
  bytes,
});
const wanted = fc.oneof(
  fc.record({ row: keys, version: fc.nat(4) }),
  fc.record({ task: taskKeys, epoch: fc.nat(2), holder: fc.constantFrom("", "h") }),
);
const few = <T>(of: fc.Arbitrary<T>) => fc.array(of, { maxLength: 3 });
const batches = fc.record({
  puts: few(puts),
  deletes: few(keys),
  appends: few(appends),
  streamSnapshots: fc.array(streamSnapshots, { maxLength: 1 }),
  tasks: few(tasks),
  taskDeletes: few(taskKeys),
});
const commands: fc.Arbitrary<Command> = fc.record({
  batch: batches,
  wanted: fc.oneof({ weight: 3, arbitrary: fc.constant([]) }, fc.array(wanted, { maxLength: 2 })),
});
const acts: fc.Arbitrary<Act> = fc.oneof(
  { weight: 6, arbitrary: fc.array(commands, { minLength: 1, maxLength: 5 }) },
  { weight: 1, arbitrary: fc.constant("reopen" as const) },
);

it(`does what the model does (SEED=${SEED})`, async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(acts, { maxLength: 20 }), async (history) => {
      const level = new MemoryLevel<string, Uint8Array>({ keyEncoding: "utf8", valueEncoding: "view" });
      const open = () =>
        storeOver(level, { clock: systemClock, log: silentLog, recent: { commits: 4, bytes: 10_000 } });
      let store = await open();
      let model = EMPTY;
      for (const act of history) {
        if (act === "reopen") {
          await store.close();
          store = await open();
        } else {
          const outcomes = act.map(({ batch, wanted }) => outcomeOf(store.commit(batch, wanted)));
          for (const [at, command] of act.entries()) {
            const [outcome, next] = apply(model, command);
            expect(await outcomes[at]).toBe(outcome);
            model = next;
          }
        }
        await expectAlike(store, model);
      }
      await store.close();
    }),
    { seed: SEED, numRuns: 300 },
  );
});

async function outcomeOf(commit: Promise<number>): Promise<string> {
  return await commit.then(
    (revision) => `${revision}`,
    (error: unknown) => (error instanceof Fault ? error.reason : String(error)),
  );
}

const keyOf = ({ kind, id }: { kind: string; id: string }) => `${kind} ${id}`;

function apply(model: Model, { batch, wanted }: Command): readonly [string, Model] {
  const { puts = [], deletes = [], appends = [], streamSnapshots = [], tasks = [], taskDeletes = [] } = batch;
  const refused = (reason: string) => [reason, model] as const;
  if (hasTwice([...puts, ...deletes].map(keyOf))) return refused("INVALID_REQUEST");
  if (hasTwice([...tasks, ...taskDeletes].map(({ id }) => id))) return refused("INVALID_REQUEST");
  if (appends.some(({ marks = [], events }) => marks.some(({ at }) => at >= events.length))) {
    return refused("INVALID_REQUEST");
  }
  for (const each of wanted) {
    if ("row" in each && (model.rows.get(keyOf(each.row))?.version ?? 0) !== each.version)
      return refused("VERSION_MOVED");
    if (!("task" in each)) continue;
    const task = model.tasks.get(each.task.id);
    if (task?.epoch !== each.epoch || task.holder !== each.holder) return refused("LEASE_FENCED");
  }
  const revision = model.revision + 1;
  const rows = new Map(model.rows);
  const changes = [
    ...puts.map((put) => changeOf(revision, put, model)),
    ...deletes.flatMap((key) => deleteOf(revision, keyOf(key), model)),
  ];
  for (const key of deletes) rows.delete(keyOf(key));
  for (const put of puts) rows.set(keyOf(put), { ...put, version: revision });
  const named = [...rows.values()].filter(({ name }) => name !== "").map(({ kind, name }) => `${kind} ${name}`);
  if (hasTwice(named)) return refused("RESOURCE_EXISTS");
  const streams = new Map(model.streams);
  const marks = new Map(model.marks);
  for (const { stream, after, events, marks: made = [] } of appends) {
    const entries = streams.get(stream) ?? [];
    if (entries.length !== after) return refused("VERSION_MOVED");
    streams.set(stream, [...entries, ...events.map(String)]);
    for (const { key, at } of made) {
      marks.set(`${stream} ${key}`, [...(marks.get(`${stream} ${key}`) ?? []), after + at + 1]);
    }
  }
  const snapshots = new Map(model.snapshots);
  for (const { stream, sequence, bytes } of streamSnapshots) {
    if (sequence > (streams.get(stream) ?? []).length) return refused("INVALID_REQUEST");
    snapshots.set(stream, `${sequence} ${bytes}`);
  }
  const kept = new Map(model.tasks);
  for (const { id } of taskDeletes) kept.delete(id);
  for (const task of tasks) kept.set(task.id, task);
  const next = { revision, rows, streams, marks, snapshots, tasks: kept, changes: [...model.changes, ...changes] };
  return [`${revision}`, next];
}

const changeOf = (revision: number, put: RowContent, model: Model) =>
  `${revision} put ${!model.rows.has(keyOf(put))} ${keyOf(put)} ${revision} ${put.name} ${put.parent} ${put.bytes}`;

const deleteOf = (revision: number, key: string, model: Model) =>
  [model.rows.get(key)].flatMap((row) =>
    row === undefined ? [] : [`${revision} delete false ${key} ${row.version} ${row.name} ${row.parent} ${row.bytes}`],
  );

const brief = ({ revision, type, created, row }: Change) =>
  `${revision} ${type} ${created} ${keyOf(row)} ${row.version} ${row.name} ${row.parent} ${row.bytes}`;

const hasTwice = (values: readonly string[]) => new Set(values).size < values.length;

const bytewise = (one: string, other: string) => Buffer.compare(Buffer.from(one), Buffer.from(other));

async function expectAlike(store: Store, model: Model): Promise<void> {
  expect(store.revision()).toBe(model.revision);
  for (const kind of ["K", "L"]) {
    const rows = [...model.rows.values()]
      .filter((row) => row.kind === kind)
      .sort((one, other) => bytewise(one.id, other.id));
    expect(await pageThrough(store, { tenant: T, kind })).toEqual(rows);
    for (const parent of ["p", "q"]) {
      expect(await pageThrough(store, { tenant: T, kind, parent })).toEqual(
        rows.filter((row) => row.parent === parent),
      );
    }
    for (const name of ["one", "two", "three"]) {
      expect(await store.getByName({ tenant: T, kind, name })).toEqual(rows.find((row) => row.name === name));
    }
    const seen = await changesIn(store, kind, model);
    expect(seen).toEqual(model.changes.filter((change) => change.split(" ")[3] === kind));
  }
  for (const stream of STREAMS) await expectStreamAlike(store, stream, model);
  await expectTasksAlike(store, [...model.tasks.values()]);
}

async function expectStreamAlike(store: Store, stream: string, model: Model): Promise<void> {
  const key = { tenant: T, stream };
  const entries = await store.read(key, { from: 1, limit: 1_000 });
  expect(entries.map(({ event }) => String(event))).toEqual(model.streams.get(stream) ?? []);
  for (const mark of MARKS) {
    const marked = model.marks.get(`${stream} ${mark}`) ?? [];
    expect(await store.marked(key, mark)).toBe(marked.at(-1));
    expect(await store.marked(key, mark, 2)).toBe(marked.findLast((sequence) => sequence <= 2));
  }
  const snapshot = await store.streamSnapshot(key);
  expect(snapshot && `${snapshot.sequence} ${snapshot.bytes}`).toBe(model.snapshots.get(stream));
}

async function expectTasksAlike(store: Store, stored: readonly Task[]): Promise<void> {
  const tasks = [...stored].sort((one, other) => bytewise(one.id, other.id));
  const listed: Task[] = [];
  for await (const task of store.tasks("q")) listed.push(task);
  expect(listed).toEqual(tasks);
  for (const held of [false, true]) {
    const due = tasks
      .filter(({ holder, dueAt }) => (holder !== "") === held && (dueAt ?? 9) <= 1)
      .sort((one, other) => (one.dueAt ?? 0) - (other.dueAt ?? 0));
    expect(await store.due("q", { until: 1, limit: 100, held })).toEqual(due);
  }
}

async function pageThrough(store: Store, filter: { tenant: string; kind: string; parent?: string }): Promise<Row[]> {
  const rows: Row[] = [];
  for (let after: string | undefined = ""; after !== undefined; ) {
    const page: Awaited<ReturnType<Store["page"]>> = await store.page(filter, { after, limit: 2 });
    rows.push(...page.rows);
    after = page.next;
  }
  return rows;
}

async function changesIn(store: Store, kind: string, model: Model): Promise<string[]> {
  const wanted = model.changes.filter((change) => change.split(" ")[3] === kind).length;
  const seen: string[] = [];
  if (wanted === 0) return seen;
  const stop = new AbortController();
  for await (const changes of store.watch({ tenant: T, kind }, { after: 0, signal: stop.signal })) {
    seen.push(...changes.map(brief));
    if (seen.length >= wanted) stop.abort();
  }
  return seen;
}
