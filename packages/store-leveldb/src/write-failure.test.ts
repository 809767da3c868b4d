import { type Log, silentLog, systemClock } from "@stigmer/base";
import type { Batch, Store } from "@stigmer/store";
import { expect, it } from "vitest";
import { FailingLevel, type Failure } from "./failing-level.fake.ts";
import { AGENTS, agent, idsIn, row } from "./folder.suite.ts";
import { type StoreOverOptions, storeOver } from "./store-over.ts";

async function open(options: Partial<StoreOverOptions> = {}): Promise<{ level: FailingLevel; store: Store }> {
  const level = new FailingLevel();
  const store = await storeOver(level, { clock: systemClock, log: silentLog, ...options });
  return { level, store };
}

const append = (after: number): Batch => ({
  appends: [{ tenant: "t", stream: "s", after, events: [new Uint8Array(3)] }],
});

it.each<Failure>(["before", "after"])("refuses every commit of a write that fails %s it is stored", async (failure) => {
  const { level, store } = await open();
  await store.commit({ puts: [row("a")] });

  level.failure = failure;
  const outcomes = await Promise.allSettled(["b", "c", "d"].map((id) => store.commit({ puts: [row(id)] })));

  for (const outcome of outcomes) {
    expect(outcome).toMatchObject({ reason: { reason: "STORE_WRITE_FAILED", kind: "exhausted" } });
  }
  expect(store.revision()).toBe(1);
});

it.each<Failure>(["before", "after"])(
  "goes on where it was after a write that failed %s it was stored",
  async (failure) => {
    const { level, store } = await open();
    await store.commit({ puts: [row("a")], ...append(0) });
    const seen = watch(store);
    level.failure = failure;
    await expect(
      store.commit({ puts: [row("lost", new Uint8Array(9))], deletes: [agent("a")], ...append(1) }),
    ).rejects.toThrow();

    level.failure = "none";
    const revision = await store.commit({ puts: [row("b")], ...append(1) });

    expect(revision).toBe(2);
    expect(await idsIn(store)).toEqual(["a", "b"]);
    expect(await store.head({ tenant: "t", stream: "s" })).toMatchObject({ sequence: 2 });
    expect(await seen).toEqual(["1 a", "2 b"]);
  },
);

it("leaves nothing of a failed write behind when it is closed", async () => {
  const { level, store } = await open();
  await store.commit({ puts: [row("a")] });
  level.failure = "after";
  await expect(store.commit({ puts: [row("lost")] })).rejects.toThrow();

  level.failure = "none";
  await store.close();

  await using again = await storeOver(level, { clock: systemClock, log: silentLog });
  expect(await idsIn(again)).toEqual(["a"]);
  expect(again.revision()).toBe(1);
});

it("goes on answering reads while writes fail", async () => {
  let room = false;
  const { level, store } = await open({
    beforeReopen: async () => {
      if (!room) throw new Error("still full");
    },
  });
  await store.commit({ puts: [row("a")] });
  level.failure = "before";

  for (const id of ["b", "c"]) {
    await expect(store.commit({ puts: [row(id)] })).rejects.toMatchObject({ reason: "STORE_WRITE_FAILED" });
    expect(await idsIn(store)).toEqual(["a"]);
  }
  expect(level.writes).toBe(3);

  level.failure = "none";
  room = true;
  await store.commit({ puts: [row("d")] });
  expect(await idsIn(store)).toEqual(["a", "d"]);
});

it("shows nobody what a failed write has left behind, not even before it is undone", async () => {
  const { level, store } = await open();
  await store.commit({ puts: [row("a")] });
  const undo = Promise.withResolvers<void>();
  level.failure = "after";
  const undoing = level.writes + 2;
  level.holds = (write) => (write === undoing ? undo.promise : undefined);

  const failed = expect(store.commit({ puts: [row("b")] })).rejects.toThrow();
  await new Promise((resolve) => level.once("open", resolve));
  level.failure = "none";
  const found = Promise.resolve(store.get(agent("b")));
  undo.resolve();

  expect(await found).toBeUndefined();
  await failed;
});

it("answers reads that meet the database while it is opened again", async () => {
  const { level, store } = await open();
  await store.commit({ puts: [row("a")] });
  const closing = new Promise((resolve) => level.once("closing", resolve));
  level.failure = "before";

  const failed = expect(store.commit({ puts: [row("b")] })).rejects.toThrow();
  await closing;
  const [found, page] = await Promise.all([store.get(agent("a")), store.page(AGENTS, { limit: 10 })]);

  expect(found).toMatchObject({ id: "a" });
  expect(page.rows).toHaveLength(1);
  await failed;
});

it("logs a failed write as an error and the first that works again", async () => {
  const lines: string[] = [];
  const note = (level: string) => (_: unknown, message: string) => lines.push(`${level} ${message}`);
  const log: Log = { debug: note("debug"), info: note("info"), warn: note("warn"), error: note("error") };
  const { level, store } = await open({ log });

  level.failure = "before";
  await expect(store.commit({ puts: [row("a")] })).rejects.toThrow();
  level.failure = "none";
  await store.commit({ puts: [row("a")] });

  expect(lines).toEqual(["error store write failed", "info store was opened again after a failed write"]);
});

it("refuses what would wait behind too much", async () => {
  const { store } = await open({ waiting: { commits: 2, bytes: 10_000 } });
  const ids = ["a", "b", "c"];

  const outcomes = await Promise.allSettled(ids.map((id) => store.commit({ puts: [row(id)] })));
  const big = await Promise.allSettled(ids.map((id) => store.commit({ puts: [row(id, new Uint8Array(9_000))] })));

  expect(outcomes.map(({ status }) => status)).toEqual(["fulfilled", "fulfilled", "rejected"]);
  expect(outcomes[2]).toMatchObject({ reason: { reason: "LIMIT_REACHED", kind: "exhausted" } });
  expect(big.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "rejected"]);
  expect(await store.commit({ puts: [row("d")] })).toBe(store.revision());
});

it("writes commits that wait at the same moment in one go", async () => {
  const { level, store } = await open();
  const before = level.writes;

  await Promise.all(Array.from({ length: 100 }, (_, at) => store.commit({ puts: [row(`r${at}`)] })));

  expect(level.writes).toBe(before + 1);
});

async function watch(store: Store): Promise<string[]> {
  const seen: string[] = [];
  for await (const changes of store.watch(AGENTS, { after: 0, signal: new AbortController().signal })) {
    seen.push(...changes.map((change) => `${change.revision} ${change.row.id}`));
    if (seen.length >= 2) break;
  }
  return seen;
}
