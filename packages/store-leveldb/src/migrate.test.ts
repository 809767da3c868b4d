import { silentLog, systemClock } from "@stigmer/base";
import { labelField, type Task } from "@stigmer/store";
import { MemoryLevel } from "memory-level";
import { expect, it } from "vitest";
import { AGENTS, row } from "./folder.suite.ts";
import { SCHEMA_KEY } from "./keys.ts";
import { SCHEMA } from "./migrate.ts";
import { decodeCount, encodeCount } from "./record-codec.ts";
import { storeOver } from "./store-over.ts";

type Memory = MemoryLevel<string, Uint8Array>;

const open = (level: Memory) => storeOver(level, { clock: systemClock, log: silentLog });

/** A database as the first layout had it: rows with labels, and no index. */
async function firstLayout(count: number): Promise<Memory> {
  const level: Memory = new MemoryLevel({ keyEncoding: "utf8", valueEncoding: "view" });
  await using store = await open(level);
  for (let at = 0; at < count; at++) {
    await store.commit({ puts: [{ ...row(`r${at}`), labels: { odd: `${at % 2}` } }] });
  }
  await store.close();
  await level.open();
  for await (const key of level.keys({ gte: "i\0", lt: "i\x01" })) await level.del(key);
  await level.close();
  await setSchema(level, 1);
  return level;
}

async function withTasks(count: number): Promise<Memory> {
  const level: Memory = new MemoryLevel({ keyEncoding: "utf8", valueEncoding: "view" });
  await using store = await open(level);
  await store.commit({ tasks: upTo(count).map(taskAt) });
  return level;
}

/** Gives leases back the place that they had in the second layout, among the tasks that wait: every so many of them. */
async function mixLeases(level: Memory, every: number): Promise<void> {
  await level.open();
  const keys = await level.keys({ gte: "l\0", lt: "l\x01" }).all();
  for (const key of keys.filter((_, at) => at % every === 0)) {
    await level.batch([
      { type: "del", key },
      { type: "put", key: `d${key.slice(1)}`, value: new Uint8Array() },
    ]);
  }
  await level.close();
  await setSchema(level, 2);
}

/** By turns a lease, one that waits, and one that sleeps. */
function taskAt(at: number): Task {
  const dueAt = at % 3 === 2 ? undefined : at;
  return {
    tenant: "t",
    queue: "q",
    id: `k${at}`,
    epoch: 1,
    holder: at % 3 === 0 ? "h" : "",
    dueAt,
    bytes: new Uint8Array(1),
  };
}

async function setSchema(level: Memory, version: number): Promise<void> {
  await level.open();
  await level.put(SCHEMA_KEY, encodeCount(version));
  await level.close();
}

const upTo = (count: number) => Array.from({ length: count }, (_, at) => at);

const odd = (value: string) => ({ ...AGENTS, where: [[{ field: labelField("odd"), in: [value] }]] });

it("finds rows by their labels after the first layout was brought up to date", async () => {
  const level = await firstLayout(1_200);

  await using store = await open(level);

  expect(decodeCount(level.getSync(SCHEMA_KEY) ?? new Uint8Array())).toBe(SCHEMA);
  expect(store.revision()).toBe(1_200);
  const ids = new Set<string>();
  for (let after: string | undefined = ""; after !== undefined; ) {
    const page: Awaited<ReturnType<typeof store.page>> = await store.page(odd("1"), { after, limit: 500 });
    for (const { id } of page.rows) ids.add(id);
    after = page.next;
  }
  expect(ids.size).toBe(600);
});

it("finds leases apart from what waits after the second layout was brought up to date, also where that was interrupted", async () => {
  const level = await withTasks(1_500);

  for (const every of [1, 2]) {
    await mixLeases(level, every);
    await using store = await open(level);
    const range = { until: 1e300, limit: 10_000 };
    const held = await store.due("q", { ...range, held: true });
    const waiting = await store.due("q", { ...range, held: false });
    expect(decodeCount(level.getSync(SCHEMA_KEY) ?? new Uint8Array())).toBe(SCHEMA);
    expect(held.map(({ dueAt }) => dueAt)).toEqual(upTo(500).map((at) => 3 * at));
    expect(waiting.map(({ dueAt }) => dueAt)).toEqual(upTo(500).map((at) => 3 * at + 1));
    expect(store.backlog()).toBe(500);
  }
});

it("can be interrupted and repeated", async () => {
  const level = await firstLayout(3);
  await (await open(level)).close();
  await setSchema(level, 1);

  await using store = await open(level);

  expect((await store.page(odd("0"), { limit: 10 })).rows.map(({ id }) => id)).toEqual(["r0", "r2"]);
});

it("reads rows and changes of the first layout as they are", async () => {
  const level = await firstLayout(2);
  await using store = await open(level);
  const stop = new AbortController();

  for await (const changes of store.watch(AGENTS, { after: 0, signal: stop.signal })) {
    expect(changes.map(({ row: { id, labels } }) => [id, labels])).toEqual([
      ["r0", { odd: "0" }],
      ["r1", { odd: "1" }],
    ]);
    stop.abort();
  }
});
