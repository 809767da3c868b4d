import { checkQueue, checkQueuePrefix, compareBytewise, type DueRange, type Task, type TaskKey } from "@stigmer/store";
import { Damaged } from "./damaged.ts";
import type { Gate } from "./gate.ts";
import { decodeTask } from "./journal-codec.ts";
import { behindQueue, dueQueue, dueRange, dueTask, queuesRange, storedTask, taskRange } from "./keys.ts";
import type { View } from "./level.ts";
import { type Source, taskIn } from "./read.ts";

const TASKS_AT_ONCE = 500;
const KEYS_AT_ONCE = 1_000;
/** Between two jumps from queue to queue: more than one, as many queues have few tasks. */
const KEYS_A_JUMP = 16;

/** As `Store.due`. */
export function dueIn(source: Source, queue: string, range: DueRange): Promise<readonly Task[]> {
  checkQueue(queue, range);
  return source.steadily(async (view) => {
    const found = await view.keys(dueRange(queue, range), { limit: range.limit });
    return found.map((key) => indexed(taskIn(view, dueTask(key)), key));
  });
}

/** All tasks of a queue in order of key, some at a time. */
export async function* tasksIn(gate: Gate, { view }: Source, queue: string): AsyncGenerator<Task> {
  checkQueue(queue);
  let after: TaskKey | undefined;
  for (;;) {
    const range = taskRange(queue, after);
    const found = await gate.through(() => view.entries(range, { limit: TASKS_AT_ONCE }));
    const tasks = await gate.through(() => found.map(([key, value]) => decodeTask(storedTask(key), value)));
    yield* tasks;
    after = tasks.at(-1);
    if (tasks.length < TASKS_AT_ONCE) return;
  }
}

/** As `Store.queues`. */
export function queuesIn(source: Source, prefix: string): Promise<readonly string[]> {
  checkQueuePrefix(prefix);
  return source.steadily(async (view) => {
    const found = await Promise.all([false, true].map((held) => queuesOf(view, prefix, held)));
    return [...new Set(found.flat())].sort(compareBytewise);
  });
}

async function queuesOf(view: View, prefix: string, held: boolean): Promise<readonly string[]> {
  const queues = new Set<string>();
  const cursor = view.cursor(queuesRange(prefix, held));
  try {
    for (;;) {
      const found = (await cursor.next(KEYS_A_JUMP)).map(dueQueue);
      for (const queue of found) if (queue.startsWith(prefix)) queues.add(queue);
      const last = found.at(-1);
      if (last === undefined || !last.startsWith(prefix)) return [...queues];
      cursor.seek(behindQueue(last, held));
    }
  } finally {
    await cursor.close();
  }
}

/** How many tasks of all queues wait, counted in the index of their due times. */
export async function countWaiting(view: View): Promise<number> {
  const cursor = view.cursor(queuesRange("", false));
  try {
    for (let count = 0; ; ) {
      const found = await cursor.next(KEYS_AT_ONCE);
      if (found.length === 0) return count;
      count += found.length;
    }
  } finally {
    await cursor.close();
  }
}

function indexed<T>(found: T | undefined, key: string): T {
  if (found === undefined) throw new Damaged(`an index leads nowhere: ${JSON.stringify(key)}`);
  return found;
}
