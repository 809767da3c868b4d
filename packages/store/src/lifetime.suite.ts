import { createHash } from "node:crypto";
import { expect } from "vitest";
import {
  AGENTS,
  agent,
  collect,
  expectRefusal,
  type Promised,
  row,
  stream,
  task,
  text,
  textOf,
  upTo,
} from "./samples.suite.ts";
import type { Reader, Store } from "./store.ts";

export function lifetimeSuite(promised: Promised): void {
  promised("is empty at first, at revision 0", async ({ store }) => {
    expect(store.revision()).toBe(0);
    expect(await store.page(AGENTS, { limit: 10 })).toEqual({ rows: [], next: undefined, revision: 0 });
    expect(await collect(store.tasks("q"))).toEqual([]);
    expect(await store.due("q", { until: 1e300, limit: 10, held: false })).toEqual([]);
    expect(await store.due("q", { until: 1e300, limit: 10, held: true })).toEqual([]);
    expect(await store.queues("")).toEqual([]);
    expect(store.backlog()).toBe(0);
  });

  promised("holds what was committed after it was opened again", async ({ store, reopen }) => {
    await Promise.all(upTo(50).map((id) => store.commit({ puts: [row(`r${id}`, { name: `n${id}`, parent: "p" })] })));

    const again = await reopen();

    expect((await again.page({ ...AGENTS, parent: "p" }, { limit: 100 })).rows).toHaveLength(50);
    expect(await again.getByName({ ...AGENTS, name: "n7" })).toMatchObject({ id: "r7" });
  });

  promised("stores what was committed before it is closed", async ({ store, reopen }) => {
    const committed = store.commit({ puts: [row("a")] });
    await store.close();
    await committed;

    const again = await reopen();

    expect(textOf((await again.get(agent("a")))?.bytes)).toBe("a");
  });

  promised("refuses every call once it is closed", async ({ store }) => {
    const closing = store.close();
    for (const call of callsOf(store)) await expectRefusal(call, "STORE_CLOSED");
    await closing;

    for (const call of callsOf(store)) expect((await expectRefusal(call, "STORE_CLOSED")).kind).toBe("unavailable");
  });

  promised("refuses reads of a snapshot once the store is closed", async ({ store }) => {
    const snapshot = store.snapshot();
    await store.close();

    for (const read of readsOf(snapshot)) await expectRefusal(read, "STORE_CLOSED");
    await snapshot[Symbol.asyncDispose]();
  });

  promised("can be closed twice", async ({ store }) => {
    await Promise.all([store.close(), store.close()]);

    await store.close();
  });
}

function readsOf(reader: Reader): readonly (() => unknown)[] {
  return [
    () => reader.get(agent("a")),
    () => reader.getByName({ ...AGENTS, name: "n" }),
    () => reader.page(AGENTS, { limit: 1 }),
    () => reader.head(stream("s")),
    () => reader.read(stream("s"), { from: 1, limit: 1 }),
    () => reader.read(stream("s"), { from: 1, limit: 500 }),
    () => reader.marked(stream("s"), "m"),
    () => reader.streamSnapshot(stream("s")),
    () => reader.task(task("k")),
    () => reader.answer({ tenant: "t1", key: "k" }),
    () => reader.blob(createHash("sha256").update(text("")).digest()),
  ];
}

function callsOf(store: Store): readonly (() => unknown)[] {
  const { signal } = new AbortController();
  return [
    ...readsOf(store),
    () => store.commit({ puts: [row("a")] }),
    () => store.revision(),
    () => store.snapshot(),
    () => store.due("q", { until: 0, limit: 1, held: false }),
    () => store.due("q", { until: 0, limit: 1, held: true }),
    () => store.queues(""),
    () => store.backlog(),
    () => collect(store.tasks("q")),
    () => collect(store.watch(AGENTS, { after: 0, signal })),
  ];
}
