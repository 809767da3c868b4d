import { silentLog, systemClock } from "@stigmer/base";
import { compareBytewise, type Store, type Task } from "@stigmer/store";
import fc from "fast-check";
import { expect, it } from "vitest";
import { FailingLevel, type Failure } from "./failing-level.fake.ts";
import { storeOver } from "./store-over.ts";

type Commit = { readonly tasks: readonly Task[]; readonly deletes: readonly Task[]; readonly refused: boolean };
type Act = "reopen" | { readonly commits: readonly Commit[]; readonly failure: Failure };

const SEED = Number(process.env.SEED ?? Date.now() % 2 ** 31);
const QUEUES = ["q", "q/a", "q/a\u0001", "r"];

const tasks: fc.Arbitrary<Task> = fc.record({
  tenant: fc.constantFrom("t", "u"),
  queue: fc.constantFrom(...QUEUES),
  id: fc.constantFrom("a", "b", "c"),
  epoch: fc.nat(2),
  holder: fc.constantFrom("", "h"),
  dueAt: fc.option(fc.integer({ min: -1, max: 2 }), { nil: undefined }),
  bytes: fc.constant(new Uint8Array(1)),
});
const commits: fc.Arbitrary<Commit> = fc
  .record({
    tasks: fc.uniqueArray(tasks, { maxLength: 5, selector: nameOf }),
    deletes: fc.uniqueArray(tasks, { maxLength: 2, selector: nameOf }),
    refused: fc.nat(3).map((chance) => chance === 0),
  })
  .map(({ tasks, deletes, refused }) => {
    const put = new Set(tasks.map(nameOf));
    return { tasks, deletes: deletes.filter((task) => !put.has(nameOf(task))), refused };
  });
const acts: fc.Arbitrary<Act> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      commits: fc.array(commits, { minLength: 1, maxLength: 4 }),
      failure: fc.constantFrom<Failure>("none", "none", "none", "before", "after"),
    }),
  },
  { weight: 1, arbitrary: fc.constant("reopen" as const) },
);

it(`counts the backlog and names the queues as going through all tasks does (SEED=${SEED})`, async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(acts, { maxLength: 25 }), async (history) => {
      const level = new FailingLevel();
      const open = () => storeOver(level, { clock: systemClock, log: silentLog });
      let store = await open();
      for (const act of history) {
        if (act === "reopen") {
          await store.close();
          store = await open();
        } else {
          level.failure = act.failure;
          await Promise.allSettled(act.commits.map((commit) => run(store, commit)));
          level.failure = "none";
        }
        await expectRecounted(store);
      }
      await store.close();
    }),
    { seed: SEED, numRuns: 300 },
  );
});

function nameOf({ tenant, queue, id }: Task): string {
  return `${tenant} ${queue} ${id}`;
}

async function run(store: Store, { tasks, deletes, refused }: Commit): Promise<number> {
  const append = { tenant: "t", stream: "s", after: refused ? 9 : 0, events: [] };
  return await store.commit({ tasks, taskDeletes: deletes, appends: [append] });
}

async function expectRecounted(store: Store): Promise<void> {
  const awake: Task[] = [];
  for (const queue of QUEUES) {
    for await (const task of store.tasks(queue)) if (task.dueAt !== undefined) awake.push(task);
  }
  expect(store.backlog()).toBe(awake.filter(({ holder }) => holder === "").length);
  for (const prefix of ["", "q", "q/", "q/a"]) {
    const named = awake.map(({ queue }) => queue).filter((queue) => queue.startsWith(prefix));
    expect(await store.queues(prefix)).toEqual([...new Set(named)].sort(compareBytewise));
  }
}
