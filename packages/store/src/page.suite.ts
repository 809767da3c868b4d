import { expect } from "vitest";
import type { RowFilter } from "./row.ts";
import { AGENTS, agent, commitAll, expectRefusal, type Promised, row, upTo, watchToEnd } from "./samples.suite.ts";
import type { Reader } from "./store.ts";

// In UTF-16, what is written with surrogates comes before U+E000 to U+FFFF; in bytes of UTF-8 it comes after.
const IDS = [
  "a",
  "A",
  "B",
  "aa",
  "a b",
  "a\u0001",
  "é",
  "e\u0301",
  "ß",
  "\ue000",
  "\uffff",
  "\u{10000}",
  "🤖",
  "~",
  "\u007f",
];

const bytewise = (ids: readonly string[]) =>
  [...ids].sort((one, other) => Buffer.compare(Buffer.from(one), Buffer.from(other)));

export function pageSuite(promised: Promised): void {
  promised("pages in the order of the bytes of ids", async ({ store }) => {
    await commitAll(
      store,
      IDS.map((id) => ({ puts: [row(id)] })),
    );

    expect(await idsOf(store, AGENTS, 100)).toEqual(bytewise(IDS));
  });

  promised("lists each row once whatever the size of the page", async ({ store }) => {
    await store.commit({ puts: IDS.map((id) => row(id)) });

    for (const limit of [1, 2, 7, IDS.length - 1, IDS.length, IDS.length + 1]) {
      expect(await idsOf(store, AGENTS, limit)).toEqual(bytewise(IDS));
    }
  });

  promised("has no next page after the last row", async ({ store }) => {
    await store.commit({ puts: [row("a"), row("b")] });

    expect(await store.page(AGENTS, { limit: 2 })).toMatchObject({ next: undefined });
    expect(await store.page(AGENTS, { limit: 1 })).toMatchObject({ next: "a" });
    expect(await store.page(AGENTS, { after: "b", limit: 1 })).toMatchObject({ rows: [], next: undefined });
  });

  promised("goes on from a cursor whose row is gone, and after it was opened again", async ({ store, reopen }) => {
    await store.commit({ puts: ["a", "b", "c", "d"].map((id) => row(id)) });
    const { next: after = "" } = await store.page(AGENTS, { limit: 2 });
    await store.commit({ deletes: [agent("b"), agent("c")], puts: [row("aa"), row("cc")] });

    const again = await reopen();

    expect((await again.page(AGENTS, { after, limit: 10 })).rows.map(({ id }) => id)).toEqual(["cc", "d"]);
  });

  promised("pages a thousand rows at once, and refuses other sizes", async ({ store }) => {
    await store.commit({ puts: upTo(1_100).map((id) => row(`r${id}`, { bytes: new Uint8Array(1_000) })) });

    expect((await store.page(AGENTS, { limit: 1_000 })).rows).toHaveLength(1_000);
    for (const limit of [0, -1, 1.5, 1_001, Number.NaN]) {
      await expectRefusal(() => store.page(AGENTS, { limit }), "INVALID_REQUEST");
    }
  });

  promised("narrows a page to the rows of a parent", async ({ store }) => {
    await store.commit({
      puts: [row("a", { parent: "p" }), row("b"), row("c", { parent: "p" }), row("d", { parent: "pp" })],
    });

    expect(await idsOf(store, { ...AGENTS, parent: "p" }, 1)).toEqual(["a", "c"]);
    expect(await store.page({ ...AGENTS, parent: "none" }, { limit: 1 })).toMatchObject({ rows: [] });
  });

  promised("follows a row to another parent", async ({ store }) => {
    await store.commit({ puts: [row("a", { parent: "p" }), row("b", { parent: "p" }), row("c", { parent: "p" })] });

    await store.commit({ puts: [row("a", { parent: "q" }), row("b", { parent: "" })], deletes: [agent("c")] });

    expect(await idsOf(store, { ...AGENTS, parent: "p" }, 10)).toEqual([]);
    expect(await idsOf(store, { ...AGENTS, parent: "q" }, 10)).toEqual(["a"]);
  });

  promised("says the revision that it shows, from which a watch goes on", async ({ store }) => {
    await store.commit({ puts: [row("a")] });
    const { revision } = await store.page(AGENTS, { limit: 10 });

    await store.commit({ puts: [row("b")] });

    expect((await watchToEnd(store, revision)).map((change) => change.row.id)).toEqual(["b"]);
  });

  promised("shows only rows of the tenant and kind, however alike their names", async ({ store }) => {
    const neighbours = ["t", "t1", "t10", "t1\u0001", "T1", "t1 "];
    await store.commit({
      puts: neighbours.flatMap((tenant) => neighbours.map((kind) => row(`${tenant}/${kind}`, { tenant, kind }))),
    });

    for (const tenant of neighbours) {
      expect(await idsOf(store, { tenant, kind: "t1" }, 10)).toEqual([`${tenant}/t1`]);
    }
  });
}

async function idsOf(reader: Reader, filter: RowFilter, limit: number): Promise<string[]> {
  const ids: string[] = [];
  let after: string | undefined = "";
  while (after !== undefined) {
    const page: Awaited<ReturnType<Reader["page"]>> = await reader.page(filter, { after, limit });
    ids.push(...page.rows.map(({ id }) => id));
    after = page.next;
  }
  return ids;
}
