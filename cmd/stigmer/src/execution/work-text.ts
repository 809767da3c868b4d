import { type ExecutionEvent, type Todo, TodoState } from "@stigmer/contracts/agentic";
import { shortLine } from "../output/printable.ts";

const MAX_TEXT = 160;

/** What an agent did with its own plan, list and conversation, in words; undefined for events of another sort. */
export function workText({ event }: ExecutionEvent): string | undefined {
  switch (event.case) {
    case "todosChanged":
      return todosText(event.value.todos);
    case "planApproved":
      return `plan approved: "${shortLine(event.value.plan, MAX_TEXT)}"`;
    case "contextCompacted":
      return `${event.value.replacedMessages} older messages of the conversation replaced by a summary, ${event.value.keptMessages} kept`;
    default:
      return undefined;
  }
}

function todosText(todos: readonly Todo[]): string {
  const done = todos.filter(({ state }) => state === TodoState.COMPLETED).length;
  const now = todos.find(({ state }) => state === TodoState.IN_PROGRESS);
  return `to do: ${done} of ${todos.length} done${now ? `, now "${shortLine(now.text, MAX_TEXT)}"` : ""}`;
}
