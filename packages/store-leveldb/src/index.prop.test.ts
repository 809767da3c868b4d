import { silentLog, systemClock } from "@stigmer/base";
import { type IndexEntry, type IndexTerm, labelField, type RowContent, type Store, whereMatcher } from "@stigmer/store";
import fc from "fast-check";
import { MemoryLevel } from "memory-level";
import { expect, it } from "vitest";
import { storeOver } from "./store-over.ts";

const SEED = Number(process.env.SEED ?? Date.now() % 2 ** 31);
const AGENTS = { tenant: "t", kind: "K" };
const LONG = "x".repeat(300);

const ids = fc.constantFrom("a", "b", "ab", "c", "d", "e", "\uffff", "\u{10000}", "f\u0001");
const values = fc.oneof(
  fc.constantFrom("", "a", "ab", "a\0", "a\0b", "a\u0001", "b", "\uffff", "\u{10000}", LONG, `${LONG}y`, `${LONG}\0`),
  fc.string({ unit: "binary", maxLength: 3 }),
);
const fields = fc.constantFrom("f", "g");
const entries = fc
  .array(fc.tuple(fields, values), { maxLength: 4 })
  .map((list): readonly IndexEntry[] => [...new Map(list.map((entry) => [entry.join("\0"), entry])).values()]);
const labels = fc.dictionary(fc.constantFrom("k", "l", ""), fc.constantFrom("", "1", "2"), { maxKeys: 2 });
const rows: fc.Arbitrary<RowContent> = fc.record({
  tenant: fc.constant("t"),
  kind: fc.constant("K"),
  id: ids,
  name: fc.constant(""),
  parent: fc.constantFrom("", "p"),
  labels,
  indexed: entries,
  bytes: fc.constant(new Uint8Array(1)),
});
const bounds = fc.option(fc.record({ value: values, inclusive: fc.boolean() }), { nil: undefined });
const named = fc.oneof(fields, fc.constantFrom("k", "l", "").map(labelField));
const terms: fc.Arbitrary<IndexTerm> = fc.oneof(
  fc.record({ field: named, present: fc.constant(true as const) }),
  fc.record({ field: named, in: fc.array(values, { maxLength: 3 }) }),
  fc.record({ field: named, from: bounds, to: bounds }).map(({ field, from, to }) => ({
    field,
    ...(from !== undefined && { from }),
    ...(to !== undefined && { to }),
  })),
);
const wheres = fc.array(fc.array(terms, { maxLength: 3 }), { maxLength: 3 });
const commits = fc.array(
  fc.record({
    puts: fc.uniqueArray(rows, { maxLength: 4, selector: ({ id }) => id }),
    deletes: fc.array(ids, { maxLength: 1 }),
  }),
  { maxLength: 6 },
);

it(`finds by the index what looking at every row finds (SEED=${SEED})`, async () => {
  await fc.assert(
    fc.asyncProperty(
      commits,
      fc.array(wheres, { maxLength: 8 }),
      fc.integer({ min: 1, max: 4 }),
      async (history, queries, limit) => {
        const level = new MemoryLevel<string, Uint8Array>({ keyEncoding: "utf8", valueEncoding: "view" });
        await using store = await storeOver(level, { clock: systemClock, log: silentLog });
        for (const { puts, deletes } of history) {
          const gone = deletes.filter((id) => puts.every((put) => put.id !== id));
          await store.commit({ puts, deletes: gone.map((id) => ({ ...AGENTS, id })) });
        }
        const all = (await store.page(AGENTS, { limit: 100 })).rows;
        for (const where of queries) {
          const expected = all.filter(whereMatcher(where));
          expect(await idsOf(store, { ...AGENTS, where }, limit)).toEqual(expected.map(({ id }) => id));
          const children = expected.filter(({ parent }) => parent === "p").map(({ id }) => id);
          expect(await idsOf(store, { ...AGENTS, where, parent: "p" }, limit)).toEqual(children);
        }
        await store.commit({ deletes: all.map(({ id }) => ({ ...AGENTS, id })) });
        expect(await level.keys({ gte: "i\0", lt: "i\x01" }).all()).toEqual([]);
      },
    ),
    { seed: SEED, numRuns: 200 },
  );
});

it("asks a row of the parent's list for its labels too", async () => {
  const level = new MemoryLevel<string, Uint8Array>({ keyEncoding: "utf8", valueEncoding: "view" });
  await using store = await storeOver(level, { clock: systemClock, log: silentLog });
  const row = { ...AGENTS, name: "", bytes: new Uint8Array(1) };
  await store.commit({ puts: [{ ...row, id: "a", parent: "", labels: { l: "" } }] });
  await store.commit({ puts: [{ ...row, id: "b", parent: "p", labels: {} }] });

  const found = await idsOf(store, { ...AGENTS, parent: "p", where: [[{ field: labelField("l"), in: [""] }]] }, 1);

  expect(found).toEqual([]);
});

async function idsOf(store: Store, filter: Parameters<Store["page"]>[0], limit: number): Promise<string[]> {
  const found: string[] = [];
  for (let after: string | undefined = ""; after !== undefined; ) {
    const page: Awaited<ReturnType<Store["page"]>> = await store.page(filter, { after, limit });
    found.push(...page.rows.map(({ id }) => id));
    after = page.next;
  }
  return found;
}
