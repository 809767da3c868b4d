import { isFault } from "@stigmer/base";
import { expect } from "vitest";
import {
  agent,
  brief,
  expectRefusal,
  type Promised,
  row,
  stream,
  task,
  text,
  textOf,
  turn,
  upTo,
  watchToEnd,
} from "./samples.suite.ts";
import type { Store } from "./store.ts";

export function commitSuite(promised: Promised): void {
  promised("stores all of a batch at one revision", async ({ store }) => {
    const revision = await store.commit({
      puts: [row("a"), row("b")],
      appends: [{ ...stream("s"), after: 0, events: [text("e")] }],
      tasks: [task("k")],
      audits: [text("audit")],
    });

    const versions = [await store.get(agent("a")), await store.get(agent("b"))].map((found) => found?.version);
    expect(versions).toEqual([revision, revision]);
    expect((await store.head(stream("s"))).sequence).toBe(1);
    expect(await store.task(task("k"))).toMatchObject({ id: "k" });
    expect((await watchToEnd(store, 0)).map(brief)).toEqual([`${revision} put a`, `${revision} put b`]);
  });

  promised("stores nothing of a commit that is refused, change events included", async ({ store }) => {
    const before = await store.commit({ puts: [row("a")] });

    await expectRefusal(
      () =>
        store.commit({
          puts: [row("b")],
          deletes: [agent("a")],
          tasks: [task("k")],
          appends: [{ ...stream("s"), after: 7, events: [text("e")] }],
        }),
      "VERSION_MOVED",
    );

    expect(store.revision()).toBe(before);
    expect(await store.get(agent("a"))).toMatchObject({ version: before });
    expect(await store.get(agent("b"))).toBeUndefined();
    expect(await store.task(task("k"))).toBeUndefined();
    expect(await watchToEnd(store, before)).toEqual([]);
  });

  promised("never shows half of a commit", async ({ store }) => {
    let writing = true;
    const write = async () => {
      for (const count of upTo(100)) {
        await store.commit({ puts: upTo(5).map((id) => row(`r${id}`, { bytes: text(`${count}`) })) });
      }
      writing = false;
    };
    const read = async () => {
      const seen: number[] = [];
      while (writing) {
        const page = await store.page(agent("r"), { limit: 10 });
        seen.push(new Set(page.rows.map(({ bytes }) => textOf(bytes))).size);
        expect(page.rows.every(({ version }) => version === page.revision)).toBe(true);
        await turn();
      }
      return Math.max(...seen);
    };

    const [, most] = await Promise.all([write(), read()]);

    expect(most).toBeLessThanOrEqual(1);
  });

  promised("refuses a write when the version moved", async ({ store }) => {
    const first = await store.commit({ puts: [row("a")] });
    const second = await store.commit({ puts: [row("a")] }, [{ row: agent("a"), version: first }]);

    const fault = await expectRefusal(
      () => store.commit({ puts: [row("a")] }, [{ row: agent("a"), version: first }]),
      "VERSION_MOVED",
    );

    expect(fault.kind).toBe("conflict");
    expect(fault.facts).toMatchObject({ current: `${second}`, sent: `${first}` });
  });

  promised("takes version 0 for a row that is not there", async ({ store }) => {
    const absent = [{ row: agent("a"), version: 0 }];
    await store.commit({ puts: [row("a")] }, absent);

    await expectRefusal(() => store.commit({ puts: [row("a")] }, absent), "VERSION_MOVED");
    await store.commit({ deletes: [agent("a")] });

    expect(await store.commit({ puts: [row("a")] }, absent)).toBe(store.revision());
  });

  promised("loses none of many concurrent increments", async ({ store }) => {
    const workers = 16;
    const each = 10;

    await Promise.all(upTo(workers).map(() => repeat(each, () => increment(store))));

    expect(textOf((await store.get(agent("counter")))?.bytes)).toBe(`${workers * each}`);
  });

  promised("shows who is refused for another's commit what that one has stored", async ({ store }) => {
    const first = await store.commit({ puts: [row("a")] });
    const unmoved = [{ row: agent("a"), version: first }];

    const versions = await Promise.all(
      upTo(10).map(async () => {
        await store.commit({ puts: [row("a")] }, unmoved).catch(() => {});
        return (await store.get(agent("a")))?.version;
      }),
    );

    expect(new Set(versions).size).toBe(1);
    expect(versions[0]).toBeGreaterThan(first);
  });

  promised("gives each of many concurrent commits a revision of its own, rising", async ({ store }) => {
    const revisions = await Promise.all(upTo(200).map((id) => store.commit({ puts: [row(`r${id}`)] })));

    expect(new Set(revisions).size).toBe(200);
    expect(store.revision()).toBe(Math.max(...revisions));
    expect(await store.commit({})).toBe(store.revision());
    expect(store.revision()).toBeGreaterThan(Math.max(...revisions));
  });

  promised("goes on with higher revisions after it was opened again", async ({ store, reopen }) => {
    const before = await store.commit({ puts: [row("a")] });

    const again = await reopen();

    expect(again.revision()).toBe(before);
    expect(await again.commit({ puts: [row("a")] })).toBeGreaterThan(before);
  });

  promised("gives back what was put, with the revision as version", async ({ store, reopen }) => {
    const content = row("a", {
      name: "Zoë 🤖",
      parent: "owner",
      labels: { "": "empty", plain: "", ["__proto__"]: "kept", λ: "𝄞" },
      bytes: Uint8Array.from(upTo(256)),
    });
    const version = await store.commit({ puts: [content, row("empty", { bytes: new Uint8Array() })] });

    const again = await reopen();

    expect(await again.get(agent("a"))).toEqual({ ...content, version });
    expect(Object.keys((await again.get(agent("a")))?.labels ?? {}).sort()).toEqual(["", "__proto__", "plain", "λ"]);
    expect((await again.get(agent("empty")))?.bytes.length).toBe(0);
  });

  promised("lets the caller reuse its buffers while a commit waits", async ({ store }) => {
    const bytes = text("before");

    const committed = store.commit({ puts: [row("a", { bytes })] });
    bytes.fill(0);
    await committed;

    expect(textOf((await store.get(agent("a")))?.bytes)).toBe("before");
  });

  promised("deletes rows, and changes nothing where there is none", async ({ store }) => {
    const created = await store.commit({ puts: [row("a")] });

    const deleted = await store.commit({ deletes: [agent("a"), agent("never")] });

    expect(await store.get(agent("a"))).toBeUndefined();
    expect((await watchToEnd(store, created)).map(brief)).toEqual([`${deleted} delete a`]);
  });

  promised("refuses a batch that names a row twice", async ({ store }) => {
    await expectRefusal(() => store.commit({ puts: [row("a"), row("a")] }), "INVALID_REQUEST");
    await expectRefusal(() => store.commit({ puts: [row("a")], deletes: [agent("a")] }), "INVALID_REQUEST");

    expect(await store.get(agent("a"))).toBeUndefined();
  });

  promised("stores values of several megabytes", async ({ store, reopen }) => {
    const bytes = new Uint8Array(5 * 1024 * 1024).fill(7);
    await Promise.all(upTo(3).map((id) => store.commit({ puts: [row(`r${id}`, { bytes })] })));

    const again = await reopen();

    const found = await Promise.all(upTo(3).map((id) => again.get(agent(`r${id}`))));
    expect(found.map((each) => Buffer.compare(each?.bytes ?? new Uint8Array(), bytes))).toEqual([0, 0, 0]);
  });
}

async function increment(store: Store): Promise<void> {
  for (;;) {
    const found = await store.get(agent("counter"));
    const next = row("counter", { bytes: text(`${Number(textOf(found?.bytes) ?? 0) + 1}`) });
    try {
      await store.commit({ puts: [next] }, [{ row: agent("counter"), version: found?.version ?? 0 }]);
      return;
    } catch (error) {
      if (!isFault(error, "VERSION_MOVED")) throw error;
    }
  }
}

async function repeat(times: number, act: () => Promise<void>): Promise<void> {
  for (const _ of upTo(times)) await act();
}
