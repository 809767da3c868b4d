import { createHash } from "node:crypto";
import { expect } from "vitest";
import { agent, expectRefusal, type Promised, row, text, textOf } from "./samples.suite.ts";

const FOREVER = 8_640_000_000_000_000;

const blob = (content: string) => ({ bytes: text(content), hash: createHash("sha256").update(content).digest() });

const answer = (key: string, content: string, expiresAt = FOREVER) => ({
  tenant: "t1",
  key,
  digest: text("digest"),
  bytes: text(content),
  expiresAt,
});

export function recordSuite(promised: Promised): void {
  promised("finds blobs by their hash", async ({ store, reopen }) => {
    const { hash, bytes } = blob("x".repeat(200_000));
    await store.commit({ blobs: [{ hash, bytes }, blob("")] });

    const again = await reopen();

    expect(textOf(await again.blob(hash))).toBe(textOf(bytes));
    expect((await again.blob(blob("").hash))?.length).toBe(0);
    expect(await again.blob(blob("y").hash)).toBeUndefined();
  });

  promised("stores a blob again without a change", async ({ store }) => {
    await store.commit({ blobs: [blob("x"), blob("x")] });

    await store.commit({ blobs: [blob("x")] });

    expect(textOf(await store.blob(blob("x").hash))).toBe("x");
  });

  promised("refuses a blob under a hash that is not its own", async ({ store }) => {
    const wrong = { bytes: text("x"), hash: blob("y").hash };

    await expectRefusal(() => store.commit({ puts: [row("a")], blobs: [wrong] }), "INVALID_REQUEST");
    await expectRefusal(() => store.commit({ blobs: [{ ...wrong, hash: text("short") }] }), "INVALID_REQUEST");
    await expectRefusal(() => store.blob(text("short")), "INVALID_REQUEST");

    expect(await store.get(agent("a"))).toBeUndefined();
  });

  promised("gives back a stored answer, with the revision of its commit", async ({ store, reopen }) => {
    const revision = await store.commit({ answers: [answer("k", "done")] });
    await store.commit({ puts: [row("a")] });

    const again = await reopen();

    expect(await again.answer({ tenant: "t1", key: "k" })).toEqual({ ...answer("k", "done"), revision });
    expect(await again.answer({ tenant: "t1", key: "other" })).toBeUndefined();
  });

  promised("refuses a commit whose answer is stored already", async ({ store }) => {
    const fresh = [{ noAnswer: { tenant: "t1", key: "k" } }];
    await store.commit({ answers: [answer("k", "first")] }, fresh);

    const again = () => store.commit({ puts: [row("a")], answers: [answer("k", "second")] }, fresh);
    const fault = await expectRefusal(again, "VERSION_MOVED");

    expect(fault.kind).toBe("conflict");
    expect(await store.get(agent("a"))).toBeUndefined();
    expect(textOf((await store.answer({ tenant: "t1", key: "k" }))?.bytes)).toBe("first");
  });

  promised("stores one answer for many who repeat a command at once", async ({ store }) => {
    const attempt = (id: string) =>
      store.commit({ puts: [row(id)], answers: [answer("k", id)] }, [{ noAnswer: { tenant: "t1", key: "k" } }]);

    const outcomes = await Promise.allSettled(["a", "b", "c", "d"].map(attempt));

    expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    expect((await store.page(agent(""), { limit: 10 })).rows).toHaveLength(1);
  });

  promised("takes an answer whose time is over for none", async ({ store }) => {
    await store.commit({ answers: [answer("k", "old", 1)] });

    expect(await store.answer({ tenant: "t1", key: "k" })).toBeUndefined();
    await store.commit({ answers: [answer("k", "new")] }, [{ noAnswer: { tenant: "t1", key: "k" } }]);

    expect(textOf((await store.answer({ tenant: "t1", key: "k" }))?.bytes)).toBe("new");
  });
}
