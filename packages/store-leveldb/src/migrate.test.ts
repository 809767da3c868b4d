import { silentLog, systemClock } from "@stigmer/base";
import { labelField } from "@stigmer/store";
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
  await level.put(SCHEMA_KEY, encodeCount(1));
  await level.close();
  return level;
}

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

it("can be interrupted and repeated", async () => {
  const level = await firstLayout(3);
  await (await open(level)).close();
  await level.open();
  await level.put(SCHEMA_KEY, encodeCount(1));
  await level.close();

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
