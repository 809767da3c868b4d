import { expect } from "vitest";
import { collect, expectRefusal, type Promised, task, upTo } from "./samples.suite.ts";
import type { Store } from "./store.ts";

export function taskSuite(promised: Promised): void {
  promised("gives back a task as it was put", async ({ store, reopen }) => {
    const leased = task("a", { epoch: 3, holder: "runner", dueAt: 1_700_000_000_000 });
    const asleep = task("b", { dueAt: undefined });
    await store.commit({ tasks: [leased, asleep] });

    const again = await reopen();

    expect(await again.task(leased)).toEqual(leased);
    expect(await again.task(asleep)).toEqual(asleep);
    expect(await again.task(task("c"))).toBeUndefined();
  });

  promised("fences who does not hold the lease, or holds one that is over", async ({ store }) => {
    await store.commit({ tasks: [task("a", { epoch: 2, holder: "me" })] });
    const wrong = [
      { task: task("a"), epoch: 1, holder: "me" },
      { task: task("a"), epoch: 3, holder: "me" },
      { task: task("a"), epoch: 2, holder: "you" },
      { task: task("a"), epoch: 2, holder: "" },
      { task: task("none"), epoch: 0, holder: "" },
    ];

    for (const wanted of wrong) {
      const fault = await expectRefusal(() => store.commit({ tasks: [task("a")] }, [wanted]), "LEASE_FENCED");
      expect(fault.kind).toBe("conflict");
    }

    expect(await store.task(task("a"))).toMatchObject({ epoch: 2, holder: "me" });
    await store.commit({ taskDeletes: [task("a")] }, [{ task: task("a"), epoch: 2, holder: "me" }]);
    expect(await store.task(task("a"))).toBeUndefined();
  });

  promised("leases a task to exactly one of many who want it at once", async ({ store }) => {
    await store.commit({ tasks: [task("a")] });
    const lease = (holder: string) =>
      store.commit({ tasks: [task("a", { epoch: 1, holder })] }, [{ task: task("a"), epoch: 0, holder: "" }]);

    const outcomes = await Promise.allSettled(upTo(10).map((runner) => lease(`r${runner}`)));

    const winner = outcomes.findIndex(({ status }) => status === "fulfilled");
    expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    expect(await store.task(task("a"))).toMatchObject({ epoch: 1, holder: `r${winner}` });
  });

  promised("finds the tasks of every tenant that are due, in order of due time", async ({ store }) => {
    const times = { a: 50, b: -3, c: 10.5, d: 0, e: 10, f: 1_700_000_000_000, g: -1e300, h: 9 };
    await store.commit({
      tasks: Object.entries(times).map(([id, dueAt], at) => task(id, { dueAt, tenant: `t${at % 2}` })),
    });

    expect(await dueIds(store, 10.5)).toEqual(["g", "b", "d", "h", "e", "c"]);
    expect(await dueIds(store, 10.4)).toEqual(["g", "b", "d", "h", "e"]);
    expect(await dueIds(store, 1e300, 3)).toEqual(["g", "b", "d"]);
  });

  promised("does not find sleeping tasks, nor those of another queue", async ({ store }) => {
    await store.commit({
      tasks: [task("a"), task("b", { dueAt: undefined }), task("c", { queue: "q2" }), task("d", { queue: "q\u0001" })],
    });

    expect(await dueIds(store, 1e300)).toEqual(["a"]);
  });

  promised("moves a task with its due time", async ({ store }) => {
    await store.commit({ tasks: [task("a", { dueAt: 1 }), task("b", { dueAt: 2 }), task("c", { dueAt: 3 })] });

    await store.commit({
      tasks: [task("a", { dueAt: 10 }), task("b", { dueAt: undefined })],
      taskDeletes: [task("c"), task("never")],
    });

    expect(await dueIds(store, 9)).toEqual([]);
    expect(await dueIds(store, 10)).toEqual(["a"]);
  });

  promised("lists all tasks of a queue in order of key, sleeping ones included", async ({ store }) => {
    const ids = upTo(700).map((at) => `k${String(at).padStart(4, "0")}`);
    await store.commit({
      tasks: [
        ...ids.map((id, at) => task(id, { dueAt: at % 2 === 0 ? undefined : 700 - at })),
        task("x", { tenant: "t0" }),
        task("y", { queue: "q2" }),
      ],
    });

    const listed = await collect(store.tasks("q"));

    expect(listed.map(({ tenant, id }) => `${tenant} ${id}`)).toEqual(["t0 x", ...ids.map((id) => `t1 ${id}`)]);
  });

  promised("refuses times that are no numbers, and a batch that names a task twice", async ({ store }) => {
    for (const dueAt of [Number.NaN, Number.POSITIVE_INFINITY]) {
      await expectRefusal(() => store.commit({ tasks: [task("a", { dueAt })] }), "INVALID_REQUEST");
    }
    await expectRefusal(() => store.commit({ tasks: [task("a"), task("a")] }), "INVALID_REQUEST");
    await expectRefusal(() => store.commit({ tasks: [task("a")], taskDeletes: [task("a")] }), "INVALID_REQUEST");
    await expectRefusal(() => store.due("q", { until: Number.NaN, limit: 1, held: false }), "INVALID_REQUEST");
  });
}

async function dueIds(store: Store, until: number, limit = 100): Promise<string[]> {
  return (await store.due("q", { until, limit, held: false })).map(({ id }) => id);
}
