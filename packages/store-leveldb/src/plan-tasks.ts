import type { Task, TaskKey } from "@stigmer/store";
import type { Draft } from "./draft.ts";
import { dueKey, taskKey } from "./keys.ts";
import type { PreparedCommit, PreparedTask } from "./prepare.ts";
import { taskIn } from "./read.ts";
import { NOTHING } from "./record-codec.ts";

/** Plans a commit's tasks and the indexes of when they are due. Returns how many more wait than before. */
export function planTasks(commit: PreparedCommit, draft: Draft): number {
  let more = 0;
  for (const key of commit.taskDeletes) {
    more -= removeDue(key, draft);
    draft.remove(taskKey(key));
  }
  for (const task of commit.tasks) more += planTask(task, draft);
  return more;
}

function planTask({ task, value }: PreparedTask, draft: Draft): number {
  const before = removeDue(task, draft);
  draft.put(taskKey(task), value);
  if (task.dueAt !== undefined) draft.put(dueKey(task, task.dueAt), NOTHING);
  return waiting(task) - before;
}

/** 1 where the task waited until then. */
function removeDue(key: TaskKey, draft: Draft): number {
  const before = taskIn(draft, key);
  if (before === undefined) return 0;
  if (before.dueAt !== undefined) draft.remove(dueKey(before, before.dueAt));
  return waiting(before);
}

function waiting({ holder, dueAt }: Omit<Task, "bytes">): number {
  return holder === "" && dueAt !== undefined ? 1 : 0;
}
