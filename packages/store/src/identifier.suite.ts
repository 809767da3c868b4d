import { expect } from "vitest";
import { MAX_IDENTIFIER_BYTES } from "./identifiers.ts";
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
  watchUntil,
} from "./samples.suite.ts";
import type { Batch, Precondition, Store } from "./store.ts";

const REFUSED = ["nul\0", "\0", "lone\ud800", "\udc00lone", "x".repeat(MAX_IDENTIFIER_BYTES + 1), "é".repeat(300)];

export function identifierSuite(promised: Promised): void {
  promised("takes case and Unicode forms for different ids", async ({ store }) => {
    const ids = ["Straße", "STRASSE", "straße", "é", "e\u0301", "ﬁ", "fi", "a", "a "];

    await store.commit({ puts: ids.map((id) => row(id, { name: id, bytes: text(id) })) });

    for (const id of ids) {
      expect(textOf((await store.get(agent(id)))?.bytes)).toBe(id);
      expect((await store.getByName({ ...AGENTS, name: id }))?.id).toBe(id);
    }
  });

  promised("tells ids apart by their last character, at any length", async ({ store }) => {
    const ids = upTo(200).flatMap((length) => ["x", "é", "𝄞"].map((last) => `${"y".repeat(length)}${last}`));

    await store.commit({ puts: ids.map((id) => row(id)) });

    for (const id of ids) expect(textOf((await store.get(agent(id)))?.bytes)).toBe(id);
  });

  promised("takes an identifier of the greatest length, in every place", async ({ store }) => {
    const longest = "𝄞".repeat(MAX_IDENTIFIER_BYTES / 4);
    const content = row(longest, { tenant: longest, kind: longest, name: longest, parent: longest });

    await store.commit({ puts: [content] });

    expect(await store.getByName(content)).toMatchObject({ id: longest });
    expect(await store.page(content, { limit: 1 })).toMatchObject({ rows: [{ id: longest }] });
  });

  for (const [what, batch] of Object.entries(BATCHES)) {
    promised(`refuses NUL, a lone surrogate and too long a text as ${what}`, async ({ store }) => {
      for (const bad of REFUSED) await expectInvalid(store, batch(bad));

      expect(store.revision()).toBe(0);
    });
  }

  promised("refuses an empty text where something is named", async ({ store }) => {
    const named = Object.entries(BATCHES).filter(([what]) => !MAY_BE_EMPTY.has(what));

    for (const [, batch] of named) await expectInvalid(store, batch(""));

    expect(store.revision()).toBe(0);
  });

  promised("refuses labels that hold NUL or a lone surrogate", async ({ store }) => {
    for (const bad of ["\0", "\ud800"]) {
      await expectInvalid(store, { puts: [row("a", { labels: { [bad]: "" } })] });
      await expectInvalid(store, { puts: [row("a", { labels: { label: bad } })] });
    }
  });

  promised("refuses the same texts in what is read", async ({ store }) => {
    for (const bad of [...REFUSED, ""]) {
      for (const read of readsOf(store, bad)) await expectRefusal(read, "INVALID_REQUEST");
    }
  });

  promised("refuses the same texts in preconditions", async ({ store }) => {
    for (const bad of [...REFUSED, ""]) {
      const wanted: Precondition[] = [
        { row: agent(bad), version: 0 },
        { task: task(bad), epoch: 0, holder: "" },
        { noAnswer: { tenant: "t1", key: bad } },
      ];
      for (const each of wanted) await expectRefusal(() => store.commit({}, [each]), "INVALID_REQUEST");
    }
  });

  promised("names each field that it refuses", async ({ store }) => {
    const fault = await expectRefusal(
      () => store.commit({ puts: [row("a"), row("", { name: "\0" })], taskDeletes: [task("\ud800")] }),
      "INVALID_REQUEST",
    );

    expect(fault.violations.map(({ field }) => field)).toEqual(["puts[1].id", "puts[1].name", "taskDeletes[0].id"]);
  });

  promised("answers nobody with another tenant's data", async ({ store }) => {
    await store.commit({
      puts: [row("a", { name: "one", parent: "p" })],
      appends: [{ ...stream("s"), after: 0, events: [text("e")] }],
      tasks: [task("k")],
      answers: [{ tenant: "t1", key: "k", digest: text("d"), bytes: text("b"), expiresAt: Number.MAX_SAFE_INTEGER }],
    });

    const other = { tenant: "t2", kind: "Agent" };
    expect(await store.get({ ...other, id: "a" })).toBeUndefined();
    expect(await store.getByName({ ...other, name: "one" })).toBeUndefined();
    expect((await store.page(other, { limit: 10 })).rows).toEqual([]);
    expect((await store.page({ ...other, parent: "p" }, { limit: 10 })).rows).toEqual([]);
    expect(await store.head({ ...other, stream: "s" })).toMatchObject({ sequence: 0 });
    expect(await store.read({ ...other, stream: "s" }, { from: 1, limit: 10 })).toEqual([]);
    expect(await store.task({ ...other, queue: "q", id: "k" })).toBeUndefined();
    expect(await store.answer({ ...other, key: "k" })).toBeUndefined();
    await store.commit({ puts: [row("mine", { tenant: "t2" })] });
    const seen = await watchUntil(store, { after: 0, filter: other }, (changes) => changes.length > 0);
    expect(seen.map((change) => change.row.id)).toEqual(["mine"]);
  });
}

const BATCHES: Readonly<Record<string, (bad: string) => Batch>> = {
  "a row's tenant": (bad) => ({ puts: [row("a", { tenant: bad })] }),
  "a row's kind": (bad) => ({ puts: [row("a", { kind: bad })] }),
  "a row's id": (bad) => ({ puts: [row(bad)] }),
  "a row's name": (bad) => ({ puts: [row("a", { name: bad })] }),
  "a row's parent": (bad) => ({ puts: [row("a", { parent: bad })] }),
  "the id of a row to delete": (bad) => ({ deletes: [agent(bad)] }),
  "a stream": (bad) => ({ appends: [{ ...stream(bad), after: 0, events: [] }] }),
  "the stream of a snapshot": (bad) => ({ streamSnapshots: [{ ...stream(bad), sequence: 0, bytes: text("") }] }),
  "a task's queue": (bad) => ({ tasks: [task("k", { queue: bad })] }),
  "a task's id": (bad) => ({ tasks: [task(bad)] }),
  "a task's holder": (bad) => ({ tasks: [task("k", { holder: bad })] }),
  "the id of a task to delete": (bad) => ({ taskDeletes: [task(bad)] }),
  "the key of an answer": (bad) => ({
    answers: [{ tenant: "t1", key: bad, digest: text(""), bytes: text(""), expiresAt: 0 }],
  }),
};

const MAY_BE_EMPTY = new Set(["a row's name", "a row's parent", "a task's holder"]);

async function expectInvalid(store: Store, batch: Batch): Promise<void> {
  const fault = await expectRefusal(() => store.commit(batch), "INVALID_REQUEST");
  expect(fault.kind).toBe("invalid");
  expect(fault.violations).toHaveLength(1);
}

function readsOf(store: Store, bad: string): readonly (() => unknown)[] {
  const signal = new AbortController().signal;
  return [
    () => store.get(agent(bad)),
    () => store.getByName({ ...AGENTS, name: bad }),
    () => store.page({ ...AGENTS, kind: bad }, { limit: 1 }),
    () => store.page({ ...AGENTS, parent: bad }, { limit: 1 }),
    () => store.page(AGENTS, { after: bad || "\0", limit: 1 }),
    () => store.head(stream(bad)),
    () => store.read(stream(bad), { from: 1, limit: 1 }),
    () => store.marked(stream(bad), "m"),
    () => store.streamSnapshot(stream(bad)),
    () => store.task(task(bad)),
    () => store.answer({ tenant: "t1", key: bad }),
    () => store.due(bad, { until: 0, limit: 1, held: false }),
    () => collect(store.tasks(bad)),
    () => collect(store.watch({ ...AGENTS, kind: bad }, { after: 0, signal })),
  ];
}
