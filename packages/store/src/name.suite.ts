import { expect } from "vitest";
import { AGENTS, agent, expectRefusal, type Promised, row, upTo } from "./samples.suite.ts";

export function nameSuite(promised: Promised): void {
  promised("finds a row by its name", async ({ store, reopen }) => {
    await store.commit({ puts: [row("a", { name: "one" }), row("b", { name: "two" })] });

    const again = await reopen();

    expect(await again.getByName({ ...AGENTS, name: "two" })).toMatchObject({ id: "b" });
    expect(await again.getByName({ ...AGENTS, name: "three" })).toBeUndefined();
  });

  promised("refuses a new row with a name that is taken", async ({ store }) => {
    await store.commit({ puts: [row("a", { name: "one" })] });

    const fault = await expectRefusal(() => store.commit({ puts: [row("b", { name: "one" })] }), "RESOURCE_EXISTS");

    expect(fault.kind).toBe("exists");
    expect(fault.facts).toMatchObject({ kind: "Agent", name: "one" });
    expect(await store.get(agent("b"))).toBeUndefined();
  });

  promised("refuses to rename a row to a name that is taken", async ({ store }) => {
    await store.commit({ puts: [row("a", { name: "one" }), row("b", { name: "two" })] });

    await expectRefusal(() => store.commit({ puts: [row("b", { name: "one" })] }), "RESOURCE_EXISTS");

    expect(await store.getByName({ ...AGENTS, name: "two" })).toMatchObject({ id: "b" });
  });

  promised("refuses two rows of one batch with one name", async ({ store }) => {
    const batch = { puts: [row("a", { name: "one" }), row("b", { name: "one" })] };

    await expectRefusal(() => store.commit(batch), "RESOURCE_EXISTS");

    expect(await store.getByName({ ...AGENTS, name: "one" })).toBeUndefined();
  });

  promised("gives a name to exactly one of many who want it at once", async ({ store }) => {
    const attempts = upTo(20).map((id) => store.commit({ puts: [row(`r${id}`, { name: "one" })] }));

    const outcomes = await Promise.allSettled(attempts);

    expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    expect((await store.page(AGENTS, { limit: 100 })).rows).toHaveLength(1);
  });

  promised("frees the name of a row that was renamed", async ({ store }) => {
    await store.commit({ puts: [row("a", { name: "one" })] });

    await store.commit({ puts: [row("a", { name: "two" })] });

    expect(await store.getByName({ ...AGENTS, name: "one" })).toBeUndefined();
    expect(await store.getByName({ ...AGENTS, name: "two" })).toMatchObject({ id: "a" });
    await store.commit({ puts: [row("b", { name: "one" })] });
    expect(await store.getByName({ ...AGENTS, name: "one" })).toMatchObject({ id: "b" });
  });

  promised("frees the name of a row that was deleted, in the same batch too", async ({ store }) => {
    await store.commit({ puts: [row("a", { name: "one" })] });

    await store.commit({ deletes: [agent("a")], puts: [row("b", { name: "one" })] });

    expect(await store.getByName({ ...AGENTS, name: "one" })).toMatchObject({ id: "b" });
    await store.commit({ deletes: [agent("b")] });
    expect(await store.getByName({ ...AGENTS, name: "one" })).toBeUndefined();
  });

  promised("lets the rows of a batch pass names on and swap them", async ({ store }) => {
    await store.commit({ puts: [row("a", { name: "one" }), row("b", { name: "two" })] });

    await store.commit({ puts: [row("a", { name: "two" }), row("b", { name: "one" })] });
    await store.commit({ puts: [row("c", { name: "two" }), row("a", { name: "three" })] });

    const holders = ["one", "two", "three"].map(async (name) => (await store.getByName({ ...AGENTS, name }))?.id);
    expect(await Promise.all(holders)).toEqual(["b", "c", "a"]);
  });

  promised("keeps a name unique within tenant and kind only", async ({ store }) => {
    const named = { name: "one" };

    await store.commit({
      puts: [row("a", named), row("a", { ...named, tenant: "t2" }), row("a", { ...named, kind: "Session" })],
    });

    expect(await store.getByName({ tenant: "t2", kind: "Agent", name: "one" })).toMatchObject({ tenant: "t2" });
    expect(await store.getByName({ tenant: "t1", kind: "Session", name: "one" })).toMatchObject({ kind: "Session" });
  });

  promised("lets any number of rows go without a name", async ({ store }) => {
    await store.commit({ puts: [row("a"), row("b")] });

    expect((await store.page(AGENTS, { limit: 10 })).rows).toHaveLength(2);
  });
}
