import { expect } from "vitest";
import type { Change } from "./row.ts";
import {
  AGENTS,
  agent,
  brief,
  collect,
  commitAll,
  expectRefusal,
  type Promised,
  row,
  stream,
  text,
  textOf,
  turn,
  upTo,
  watchToEnd,
  watchUntil,
} from "./samples.suite.ts";
import type { Store } from "./store.ts";

const FEW = { keepChanges: 50 };

export function watchSuite(promised: Promised): void {
  promised("watches each later change once, in order", async ({ store }) => {
    const [first = 0] = await commitAll(store, [{ puts: [row("a")] }, { puts: [row("b")] }, { deletes: [agent("a")] }]);

    const changes = await watchToEnd(store, first);

    expect(changes.map(brief)).toEqual([`${first + 1} put b`, `${first + 2} delete a`]);
  });

  promised("watches what is committed later without asking again", async ({ store }) => {
    const watched = watchUntil(store, { after: 0 }, (changes) => changes.length === 3);

    for (const id of ["a", "b", "c"]) await store.commit({ puts: [row(id)] });

    expect((await watched).map((change) => change.row.id)).toEqual(["a", "b", "c"]);
  });

  promised("says of a change what the row was then", async ({ store }) => {
    const revisions = await commitAll(store, [
      { puts: [row("a", { name: "one", labels: { l: "1" } })] },
      { puts: [row("a", { name: "two", bytes: text("second") })] },
      { deletes: [agent("a")] },
      { puts: [row("a")] },
    ]);
    const [first = 0, second = 0, third = 0] = revisions;

    const changes = await watchToEnd(store, 0);

    expect(changes.map(({ created }) => created)).toEqual([true, false, false, true]);
    expect(changes.map(({ row: { version } }) => version)).toEqual([first, second, second, third + 1]);
    expect(changes.map(({ row: { name } }) => name)).toEqual(["one", "two", "two", ""]);
    expect(textOf(changes[2]?.row.bytes)).toBe("second");
    expect(changes[0]?.row.labels).toEqual({ l: "1" });
  });

  promised("watches only what matches the filter", async ({ store }) => {
    await commitAll(store, [
      { puts: [row("a", { parent: "p" }), row("b", { parent: "q" }), row("c")] },
      { puts: [row("a", { tenant: "t2" }), row("a", { kind: "Session" })] },
      { appends: [{ ...stream("s"), after: 0, events: [text("e")] }] },
      { deletes: [agent("a"), agent("b")] },
    ]);

    expect((await watchToEnd(store, 0, { ...AGENTS, parent: "p" })).map(brief)).toEqual(["1 put a", "4 delete a"]);
    expect((await watchToEnd(store, 0, { tenant: "t2", kind: "Agent" })).map(brief)).toEqual(["2 put a"]);
  });

  promised("gives the changes of a commit in one step", async ({ store }) => {
    const watch = store.watch(AGENTS, { after: 0, signal: new AbortController().signal });
    await store.commit({ puts: upTo(1_500).map((id) => row(`r${id}`)) });

    for await (const step of watch) {
      expect(step).toHaveLength(1_500);
      break;
    }
  });

  promised("goes on after the store was opened again", async ({ store, reopen }) => {
    const revisions = await commitAll(
      store,
      upTo(5).map((id) => ({ puts: [row(`r${id}`)] })),
    );

    const again = await reopen();
    await again.commit({ puts: [row("new")] });

    const changes = await watchToEnd(again, revisions[2] ?? 0);
    expect(changes.map(({ row: { id } }) => id)).toEqual(["r3", "r4", "new"]);
  });

  promised("misses and repeats nothing while many write", async ({ store }) => {
    const total = 600;
    const writers = upTo(20).map(async (writer) => {
      for (const at of upTo(total / 20)) await store.commit({ puts: [row(`w${writer}-${at}`)] });
    });
    const watches = upTo(5).map(() => watchUntil(store, { after: 0 }, (changes) => changes.length >= total));

    const [one, ...others] = await Promise.all(watches);
    await Promise.all(writers);

    expectWhole(one ?? [], total);
    for (const other of others) expect(other.map(brief)).toEqual(one?.map(brief));
  });

  promised("begins a watch anywhere while many write, without a gap", async ({ store }) => {
    const total = 400;
    const writers = upTo(20).map(async (writer) => {
      for (const at of upTo(total / 20)) await store.commit({ puts: [row(`w${writer}-${at}`)] });
    });

    const watches = upTo(20).map(async () => {
      const page = await store.page(AGENTS, { limit: 1_000 });
      const enough = (changes: readonly Change[]) => page.rows.length + changes.length >= total;
      return page.rows.length === total
        ? page.rows.map(({ id }) => id)
        : [
            ...page.rows,
            ...(await watchUntil(store, { after: page.revision }, enough)).map((change) => change.row),
          ].map(({ id }) => id);
    });

    for (const ids of await Promise.all(watches)) {
      expect(ids).toHaveLength(total);
      expect(new Set(ids).size).toBe(total);
    }
    await Promise.all(writers);
  });

  promised("gives a slow watch what it missed", async ({ store }) => {
    const total = 3_000;
    const signal = new AbortController().signal;
    const watch = store.watch(AGENTS, { after: 0, signal })[Symbol.asyncIterator]();
    await store.commit({ puts: [row("r0")] });
    const seen = [...((await watch.next()).value ?? [])];

    await Promise.all(upTo(total - 1).map((at) => store.commit({ puts: [row(`r${at + 1}`)] })));
    while (seen.length < total) seen.push(...((await watch.next()).value ?? []));

    expectWhole(seen, total);
    await watch.return?.();
  });

  promised(
    "refuses a watch from a revision whose changes are no longer kept, after it was opened again too",
    async ({ store, reopen }) => {
      await commitMany(store, 300);

      const early = (from: Store) => () =>
        collect(from.watch(AGENTS, { after: 1, signal: new AbortController().signal }));
      const fault = await expectRefusal(early(store), "WATCH_TOKEN_EXPIRED");
      const again = await reopen();

      expect(fault.kind).toBe("expired");
      await expectRefusal(early(again), "WATCH_TOKEN_EXPIRED");
    },
    FEW,
  );

  promised(
    "keeps changes as long as it promises",
    async ({ store, reopen }) => {
      await commitMany(store, 300);
      const after = store.revision() - FEW.keepChanges + 1;

      const again = await reopen();

      expect((await watchToEnd(again, after)).map(({ revision }) => revision)).toEqual(
        upTo(FEW.keepChanges - 1).map((at) => after + 1 + at),
      );
    },
    FEW,
  );

  promised(
    "tells a slow watch that it was left behind",
    async ({ store }) => {
      const watch = store.watch(AGENTS, { after: 0, signal: new AbortController().signal })[Symbol.asyncIterator]();
      await store.commit({ puts: [row("a")] });
      await watch.next();

      await commitMany(store, 300);

      await expectRefusal(() => watch.next(), "WATCH_TOKEN_EXPIRED");
    },
    FEW,
  );

  promised("refuses a watch from a revision that it has not reached", async ({ store }) => {
    const revision = await store.commit({ puts: [row("a")] });
    const signal = new AbortController().signal;

    await expectRefusal(() => collect(store.watch(AGENTS, { after: revision + 1, signal })), "WATCH_TOKEN_EXPIRED");
  });

  promised("says how far a watch has looked, also where only other rows changed", async ({ store }) => {
    const stop = new AbortController();
    const watch = store.watch(AGENTS, { after: 0, signal: stop.signal });
    const steps = watch[Symbol.asyncIterator]();
    await store.commit({ puts: [row("a")] });
    expect((await steps.next()).value).toHaveLength(1);
    expect(watch.position()).toBe(0);

    const waiting = steps.next();
    while (watch.position() < 1) await turn();
    const other = await store.commit({ puts: [row("a", { kind: "Session" })] });
    expect(watch.position()).toBe(other);
    const woken = store.commit({ puts: [row("b")] });
    expect((await waiting).value?.[0]).toMatchObject({ revision: await woken });

    expect(watch.position()).toBe(other);
    stop.abort();
  });

  promised("ends a watch without an error when its signal aborts", async ({ store }) => {
    const stop = new AbortController();
    const waiting = collect(store.watch(AGENTS, { after: 0, signal: stop.signal }));
    await store.commit({ puts: [row("a")] });

    stop.abort();

    expect((await waiting).flat().length).toBeLessThanOrEqual(1);
    expect(await collect(store.watch(AGENTS, { after: 0, signal: stop.signal }))).toEqual([]);
  });

  promised("ends a watch with an error when the store is closed", async ({ store }) => {
    const signal = new AbortController().signal;
    const watch = store.watch(AGENTS, { after: store.revision(), signal })[Symbol.asyncIterator]();
    const waiting = watch.next();

    const refused = expectRefusal(() => waiting, "STORE_CLOSED");
    await store.close();

    await refused;
  });
}

async function commitMany(store: Store, count: number): Promise<void> {
  for (const at of upTo(count)) await store.commit({ puts: [row(`r${at % 10}`)] });
}

function expectWhole(changes: readonly Change[], total: number): void {
  const revisions = changes.map(({ revision }) => revision);
  expect(revisions).toEqual([...revisions].sort((one, other) => one - other));
  expect(new Set(revisions).size).toBe(total);
  expect(new Set(changes.map((change) => change.row.id)).size).toBe(total);
}
