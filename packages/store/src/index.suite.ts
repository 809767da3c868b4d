import { expect } from "vitest";
import type { RowContent, RowFilter } from "./row.ts";
import { AGENTS, agent, brief, collect, expectRefusal, type Promised, row, upTo, watchToEnd } from "./samples.suite.ts";
import type { Reader } from "./store.ts";
import { type Bound, type IndexEntry, type IndexTerm, labelField, type Where, whereMatcher } from "./where.ts";

const LONG = "x".repeat(5_000);
// What keys must escape, cut, or sort by bytes where UTF-16 sorts otherwise.
const VALUES = ["", "a", "a\0", "a\0b", "a\u0001", "ab", "b", "\uffff", "\u{10000}", LONG, `${LONG}a`, `${LONG}b`, "é"];

const made = (id: string, indexed: readonly IndexEntry[], more: Partial<RowContent> = {}) =>
  row(id, { indexed, ...more });

const is = (field: string, ...values: readonly string[]): Where => [[{ field, in: values }]];
const label = (key: string, ...values: readonly string[]): Where => is(labelField(key), ...values);
const range = (field: string, from?: Bound, to?: Bound): Where => [
  [{ field, ...(from !== undefined && { from }), ...(to !== undefined && { to }) }],
];

export function indexSuite(promised: Promised): void {
  promised("finds rows by the value of a field, in the order of ids, page by page", async ({ store, reopen }) => {
    const ids = ["b", "a", "\u{10000}", "\uffff", "c", "d"];
    await store.commit({ puts: ids.map((id, at) => made(id, [["f", at === 4 ? "other" : "v"]])) });

    for (const limit of [1, 2, 10]) {
      expect(await found(store, is("f", "v"), { limit })).toEqual(["a", "b", "d", "\uffff", "\u{10000}"]);
    }
    expect(await found(await reopen(), is("f", "v"))).toHaveLength(5);
    expect(await found(await reopen(), is("f", "v"), { after: "b" })).toEqual(["d", "\uffff", "\u{10000}"]);
  });

  promised("gives the rows that it finds whole", async ({ store }) => {
    await store.commit({ puts: [made("a", [["f", "v"]], { name: "n", labels: { l: "1" } })] });

    const { rows } = await store.page({ ...AGENTS, where: is("f", "v") }, { limit: 1 });

    expect(rows).toEqual([await store.get(agent("a"))]);
    expect(rows[0]).toMatchObject({ name: "n", labels: { l: "1" }, indexed: [["f", "v"]] });
  });

  promised("finds rows by labels, with a value and with any", async ({ store }) => {
    await store.commit({
      puts: [
        row("a", { labels: { env: "dev" } }),
        row("b", { labels: { env: "", "example.com/env": "dev" } }),
        row("c", { labels: { environment: "dev" } }),
      ],
    });

    expect(await found(store, label("env", "dev"))).toEqual(["a"]);
    expect(await found(store, label("env", ""))).toEqual(["b"]);
    expect(await found(store, [[{ field: labelField("env"), present: true }]])).toEqual(["a", "b"]);
    expect(await found(store, label("example.com/env", "dev"))).toEqual(["b"]);
  });

  promised("tells every value from every other, whatever is in it", async ({ store }) => {
    await store.commit({ puts: VALUES.map((value, at) => made(`r${at}`, [["f", value]])) });

    for (const [at, value] of VALUES.entries()) expect(await found(store, is("f", value))).toEqual([`r${at}`]);
  });

  promised("takes a lone surrogate in a value for what UTF-8 makes of it", async ({ store }) => {
    await store.commit({ puts: [made("a", [["f", "x\ud800"]])] });

    expect(await found(store, is("f", "x\ufffd"))).toEqual(["a"]);
    expect(await found(store, is("f", "x\udfff"))).toEqual(["a"]);
  });

  promised("finds rows by ranges, bytewise", async ({ store }) => {
    await store.commit({ puts: VALUES.map((value, at) => made(`r${10 + at}`, [["f", value]])) });
    const rows = (await store.page(AGENTS, { limit: 100 })).rows;

    for (const value of VALUES) {
      for (const inclusive of [true, false]) {
        const bound = { value, inclusive };
        for (const where of [range("f", bound), range("f", undefined, bound), range("f", bound, bound)]) {
          expect(await found(store, where)).toEqual(rows.filter(whereMatcher(where)).map(({ id }) => id));
        }
      }
    }
    expect(await found(store, range("f"))).toHaveLength(VALUES.length);
    expect(await found(store, range("f", { value: "b", inclusive: true }, { value: "a", inclusive: true }))).toEqual(
      [],
    );
  });

  promised(
    "finds rows that have any of several values once, and those that meet all of several clauses",
    async ({ store }) => {
      const entries = (at: number): IndexEntry[] => [
        ["two", `${at % 2}`],
        ["three", `${at % 3}`],
        ["size", `${at}`.padStart(4, "0")],
      ];
      await store.commit({ puts: upTo(300).map((at) => made(`r${1000 + at}`, entries(at), { parent: `p${at % 5}` })) });
      const all = (test: (at: number) => boolean) => upTo(300).flatMap((at) => (test(at) ? [`r${1000 + at}`] : []));

      const either: Where = [[...terms(is("two", "0")), ...terms(is("three", "0", "1"))]];
      const both: Where = [...is("two", "0"), ...is("three", "1", "2")];
      const bounded: Where = [...both, ...range("size", { value: "0100", inclusive: true })];
      for (const limit of [7, 1_000]) {
        expect(await found(store, either, { limit })).toEqual(all((at) => at % 2 === 0 || at % 3 < 2));
        expect(await found(store, both, { limit })).toEqual(all((at) => at % 2 === 0 && at % 3 > 0));
        expect(await found(store, bounded, { limit })).toEqual(all((at) => at % 2 === 0 && at % 3 > 0 && at >= 100));
        expect(await found(store, both, { limit, filter: { ...AGENTS, parent: "p1" } })).toEqual(
          all((at) => at % 2 === 0 && at % 3 > 0 && at % 5 === 1),
        );
      }
      expect(await found(store, [[]])).toEqual([]);
      expect(await found(store, is("two"))).toEqual([]);
      expect(await found(store, [])).toHaveLength(300);
    },
  );

  promised("follows a row when its entries and labels change, and forgets a deleted one", async ({ store }) => {
    await store.commit({ puts: [made("a", [["f", "1"]], { labels: { l: "1" } }), made("b", [["f", "1"]])] });
    await store.commit({ puts: [made("a", [["f", "2"]], { labels: { l: "2" } })], deletes: [agent("b")] });

    expect(await found(store, is("f", "1"))).toEqual([]);
    expect(await found(store, is("f", "2"))).toEqual(["a"]);
    expect(await found(store, label("l", "1"))).toEqual([]);
    expect(await found(store, [[{ field: labelField("l"), present: true }]])).toEqual(["a"]);

    await store.commit({ puts: [row("a")] });
    expect(await found(store, range("f"))).toEqual([]);
    expect(await found(store, label("l", "2"))).toEqual([]);
  });

  promised("shows a snapshot's index as it was", async ({ store }) => {
    await store.commit({ puts: [made("a", [["f", "1"]])] });
    await using snapshot = store.snapshot();
    await store.commit({ puts: [made("a", [["f", "2"]]), made("b", [["f", "1"]])] });

    expect(await found(snapshot, is("f", "1"))).toEqual(["a"]);
  });

  promised("keeps the entries of tenants and kinds apart", async ({ store }) => {
    await store.commit({
      puts: [made("a", [["f", "v"]], { tenant: "t2" }), made("b", [["f", "v"]], { kind: "Session" })],
    });

    expect(await found(store, is("f", "v"))).toEqual([]);
    expect(await found(store, is("f", "v"), { filter: { tenant: "t2", kind: "Agent" } })).toEqual(["a"]);
  });

  promised(
    "refuses entries that are named twice or stand for labels, and terms beyond its bound",
    async ({ store }) => {
      const entries: readonly (readonly IndexEntry[])[] = [
        [
          ["f", "v"],
          ["f", "v"],
        ],
        [["", "v"]],
        [["f\0", "v"]],
        [[labelField("l"), "v"]],
      ];

      for (const indexed of entries) {
        await expectRefusal(() => store.commit({ puts: [made("a", indexed)] }), "INVALID_REQUEST");
      }
      const where = is("f", ...upTo(2_001).map(String));
      await expectRefusal(() => store.page({ ...AGENTS, where }, { limit: 1 }), "INVALID_REQUEST");
    },
  );

  promised("says of a change what the row was found by before, where that differs", async ({ store }) => {
    const indexed: readonly IndexEntry[] = [
      ["f", "1"],
      ["g", "\0"],
    ];
    await store.commit({ puts: [made("a", indexed, { labels: { l: "1", m: "1" } })] });
    await store.commit({ puts: [made("a", indexed, { labels: { l: "1", m: "1" }, name: "n" })] });
    await store.commit({ puts: [made("a", [["f", "2"]], { labels: { m: "2", n: "" } })] });
    await store.commit({ deletes: [agent("a")] });

    const changes = await watchToEnd(store, 0);

    expect(changes.map(({ before }) => before !== undefined)).toEqual([false, false, true, false]);
    expect(changes[2]?.before?.labels).toEqual({ l: "1", m: "1" });
    expect(new Map(changes[2]?.before?.indexed)).toEqual(new Map(indexed));
    expect(changes[3]?.row.labels).toEqual({ m: "2", n: "" });
  });

  promised("indexes rows anew, of every tenant, and nobody notices", async ({ store, reopen }) => {
    await store.commit({ puts: [made("a", [["old", "1"]], { labels: { l: "1" } }), row("b", { tenant: "t2" })] });
    const revision = await store.commit({ puts: [row("c", { kind: "Session" })] });
    const index = {
      kind: "Agent",
      signature: "1",
      entriesOf: ({ id }: { readonly id: string }) => [["new", id]] as const,
    };

    expect(await store.reindex([index])).toBe(2);

    for (const opened of [async () => store, reopen]) {
      const reader = await opened();
      expect(reader.revision()).toBe(revision);
      expect(await reader.get(agent("a"))).toMatchObject({ version: 1, labels: { l: "1" }, indexed: [["new", "a"]] });
      expect(await found(reader, is("old", "1"))).toEqual([]);
      expect(await found(reader, is("new", "a"))).toEqual(["a"]);
      expect(await found(reader, label("l", "1"))).toEqual(["a"]);
      expect(await found(reader, is("new", "b"), { filter: { tenant: "t2", kind: "Agent" } })).toEqual(["b"]);
    }
  });

  promised(
    "indexes rows anew only where the signature is another, also after it was opened again",
    async ({ store, reopen }) => {
      await store.commit({ puts: [row("a")] });
      const index = (signature: string) => ({ kind: "Agent", signature, entriesOf: () => [["f", signature]] as const });

      await store.reindex([index("1")]);
      const again = await reopen();

      expect(await again.reindex([index("1")])).toBe(0);
      expect(await again.reindex([index("2")])).toBe(1);
      expect(await found(again, is("f", "2"))).toEqual(["a"]);
      await again.commit({ puts: [row("b")] });
      const stop = AbortSignal.abort();
      expect(await collect(again.watch(AGENTS, { after: 0, signal: stop }))).toEqual([]);
      expect((await watchToEnd(again, 0)).map(brief)).toEqual(["1 put a", "2 put b"]);
    },
  );
}

const terms = (where: Where): readonly IndexTerm[] => where.flat();

async function found(
  reader: Reader,
  where: Where,
  { limit = 100, after = "", filter = AGENTS }: { limit?: number; after?: string; filter?: RowFilter } = {},
): Promise<string[]> {
  const ids: string[] = [];
  for (let next: string | undefined = after; next !== undefined; ) {
    const page: Awaited<ReturnType<Reader["page"]>> = await reader.page({ ...filter, where }, { after: next, limit });
    ids.push(...page.rows.map(({ id }) => id));
    next = page.next;
  }
  return ids;
}
