import { expect } from "vitest";
import { compareBytewise } from "./bytewise.ts";
import { MAX_IDENTIFIER_BYTES } from "./identifiers.ts";
import type { Task } from "./journal.ts";
import { expectRefusal, type Promised, task, text, upTo } from "./samples.suite.ts";
import type { Store } from "./store.ts";

export function queueSuite(promised: Promised): void {
  promised("finds leases and tasks that wait apart, however many the others are", async ({ store }) => {
    const crowd = (holder: string) => upTo(60).map((at) => task(`${holder}${at}`, { holder, dueAt: at }));
    await store.commit({ tasks: [...crowd(""), task("late", { holder: "r", dueAt: 60 })] });

    expect(await dueIds(store, { until: 100, limit: 10, held: true })).toEqual(["late"]);

    await store.commit({ tasks: [...crowd("r"), task("last", { dueAt: 61 })] });
    const waiting = await dueIds(store, { until: 100, limit: 100, held: false });
    expect(waiting.slice(-2)).toEqual(["59", "last"]);
    expect(waiting).toHaveLength(61);
    expect(await dueIds(store, { until: 2, limit: 2, held: true })).toEqual(["r0", "r1"]);
  });

  promised("moves a task between leases and what waits, also at the same due time", async ({ store, reopen }) => {
    await store.commit({ tasks: [task("a", { dueAt: 5 }), task("b", { dueAt: 5 })] });

    await store.commit({ tasks: [task("a", { epoch: 1, holder: "r", dueAt: 5 })] });
    expect(await bothIds(store)).toEqual({ held: ["a"], waiting: ["b"] });
    await store.commit({ tasks: [task("a", { epoch: 2, holder: "s", dueAt: 6 })] });
    expect(await bothIds(await reopen())).toEqual({ held: ["a"], waiting: ["b"] });
  });

  promised("forgets due times of leases that end, sleep or are deleted", async ({ store }) => {
    await store.commit({ tasks: ["a", "b", "c"].map((id) => task(id, { holder: "r" })) });

    await store.commit({
      tasks: [task("a", { dueAt: 7 }), task("b", { holder: "r", dueAt: undefined })],
      taskDeletes: [task("c")],
    });

    expect(await bothIds(store)).toEqual({ held: [], waiting: ["a"] });
  });

  promised("names the queues that have a task that does not sleep, in order", async ({ store, reopen }) => {
    const names = ["p", "p/b\u0001", "p/b", "p/a", "p/\uffff", "p/\u{10000}", "p/a\u0001", "P/", "o", "q", "p0"];
    const more = upTo(50).map((at) => `many/${at}`);
    await store.commit({
      tasks: [
        ...names.map((queue, at) => task("a", { queue, holder: at % 3 === 0 ? "r" : "" })),
        ...names.map((queue, at) => task("b", { queue, tenant: "t2", holder: at % 2 === 0 ? "r" : "" })),
        ...more.map((queue) => task("a", { queue })),
        ...upTo(100).map((at) => task(`${at}`, { queue: "p/b", dueAt: at })),
        task("a", { queue: "p/asleep", dueAt: undefined }),
        task("a", { queue: "p/asleep too", holder: "r", dueAt: undefined }),
      ],
    });

    for (const opened of [async () => store, reopen]) {
      const reader = await opened();
      for (const prefix of ["", "p", "p/", "p/a", "p/b", "P", "many/", "x", "\u{10ffff}"]) {
        const wanted = [...names, ...more].filter((name) => name.startsWith(prefix)).sort(compareBytewise);
        expect(await reader.queues(prefix)).toEqual(wanted);
      }
    }
  });

  promised("names a queue no longer once its tasks sleep or are gone", async ({ store }) => {
    await store.commit({ tasks: ["q1", "q2", "q3"].map((queue) => task("a", { queue })) });

    await store.commit({
      tasks: [task("a", { queue: "q1", dueAt: undefined })],
      taskDeletes: [task("a", { queue: "q2" })],
    });

    expect(await store.queues("q")).toEqual(["q3"]);
  });

  promised("counts the tasks that wait, of all queues", async ({ store, reopen }) => {
    await store.commit({
      tasks: [
        ...[task("a"), task("b", { dueAt: 1e300 }), task("c", { queue: "q2", tenant: "t2" })],
        ...[task("d", { holder: "r" }), task("e", { dueAt: undefined }), task("f", { dueAt: undefined, holder: "r" })],
      ],
    });
    expect(store.backlog()).toBe(3);

    await store.commit({ tasks: [task("a", { holder: "r" }), task("b", { dueAt: 2 }), task("d")] });
    expect(store.backlog()).toBe(3);
    await store.commit({ tasks: [task("e")], taskDeletes: [task("a"), task("b"), task("never")] });
    expect(store.backlog()).toBe(3);

    const again = await reopen();
    expect(again.backlog()).toBe(3);
    await again.commit({ taskDeletes: [task("c", { queue: "q2", tenant: "t2" }), task("d"), task("e")] });
    expect(again.backlog()).toBe(0);
  });

  promised("counts no task of a commit that is refused", async ({ store }) => {
    await store.commit({ tasks: [task("a")] });
    const refused = [{ task: task("a"), epoch: 9, holder: "" }];
    const append = { tenant: "t1", stream: "s", after: 9, events: [text("e")] };

    await Promise.allSettled([
      store.commit({ tasks: [task("b")] }),
      store.commit({ tasks: [task("c")], taskDeletes: [task("a")] }, refused),
      store.commit({ tasks: [task("d")], taskDeletes: [task("a")], appends: [append] }),
    ]);

    expect(store.backlog()).toBe(2);
  });

  promised("refuses to look for queues by what no name begins with", async ({ store }) => {
    for (const bad of ["\0", "\ud800", "x".repeat(MAX_IDENTIFIER_BYTES + 1)]) {
      await expectRefusal(() => store.queues(bad), "INVALID_REQUEST");
    }
  });
}

async function dueIds(store: Store, range: Parameters<Store["due"]>[1]): Promise<string[]> {
  return (await store.due("q", range)).map(({ id }: Task) => id);
}

async function bothIds(store: Store): Promise<{ held: string[]; waiting: string[] }> {
  const range = { until: 1e300, limit: 100 };
  return {
    held: await dueIds(store, { ...range, held: true }),
    waiting: await dueIds(store, { ...range, held: false }),
  };
}
