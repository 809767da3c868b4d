import { createHash } from "node:crypto";
import { expect } from "vitest";
import { AGENTS, agent, type Promised, row, stream, task, text, textOf, turn, upTo } from "./samples.suite.ts";

export function snapshotSuite(promised: Promised): void {
  promised("keeps a snapshot still while commits go on", async ({ store }) => {
    const blob = { bytes: text("later"), hash: createHash("sha256").update("later").digest() };
    const revision = await store.commit({
      puts: [row("a", { name: "one" })],
      appends: [{ ...stream("s"), after: 0, events: [text("e1")] }],
      tasks: [task("k", { holder: "me" })],
    });
    await using snapshot = store.snapshot();

    await store.commit({
      puts: [row("a", { name: "two" }), row("b")],
      appends: [{ ...stream("s"), after: 1, events: [text("e2")] }],
      tasks: [task("k", { holder: "you" })],
      blobs: [blob],
      answers: [{ tenant: "t1", key: "k", digest: text("d"), bytes: text("b"), expiresAt: Number.MAX_SAFE_INTEGER }],
    });

    expect(snapshot.revision).toBe(revision);
    expect(await snapshot.get(agent("b"))).toBeUndefined();
    expect(await snapshot.getByName({ ...AGENTS, name: "one" })).toMatchObject({ id: "a", version: revision });
    expect(await snapshot.page(AGENTS, { limit: 10 })).toMatchObject({ rows: [{ id: "a" }], revision });
    expect(await snapshot.head(stream("s"))).toMatchObject({ sequence: 1 });
    expect(await snapshot.read(stream("s"), { from: 1, limit: 10 })).toHaveLength(1);
    expect(await snapshot.read(stream("s"), { from: 1, limit: 500 })).toHaveLength(1);
    expect(await snapshot.task(task("k"))).toMatchObject({ holder: "me" });
    expect(await snapshot.blob(blob.hash)).toBeUndefined();
    expect(await snapshot.answer({ tenant: "t1", key: "k" })).toBeUndefined();
  });

  promised("takes snapshots at whole commits, whose rows are not newer than their revision", async ({ store }) => {
    const writing = Promise.all(
      upTo(200).map((at) =>
        store.commit({ puts: [row("a", { bytes: text(`${at}`) }), row("b", { bytes: text(`${at}`) })] }),
      ),
    );

    for (const _ of upTo(50)) {
      await using snapshot = store.snapshot();
      const [one, other] = [await snapshot.get(agent("a")), await snapshot.get(agent("b"))];
      expect(textOf(one?.bytes)).toBe(textOf(other?.bytes));
      expect(one?.version ?? 0).toBe(snapshot.revision);
      await turn();
    }
    await writing;
  });

  promised("lets a plan on a snapshot be refused when its row moved", async ({ store }) => {
    await store.commit({ puts: [row("a")] });
    await using snapshot = store.snapshot();
    const planned = (await snapshot.get(agent("a")))?.version ?? 0;

    await store.commit({ puts: [row("a")] });

    const outcome = store.commit({ puts: [row("a")] }, [{ row: agent("a"), version: planned }]);
    await expect(outcome).rejects.toMatchObject({ reason: "VERSION_MOVED" });
  });
}
