import { type Todo, TodoState, type TodosChanged } from "@stigmer/contracts/agentic";
import type { Paint } from "../output/paint.ts";
import { shortLine } from "../output/printable.ts";

const MAX_SHOWN = 12;
const MAX_TEXT = 100;

/** An agent's list in lines: what is in work, what is left, what is done. Of a long one, what is in work or comes next. */
export function todosText({ todos }: Pick<TodosChanged, "todos">, paint: Paint): string {
  const done = todos.filter(({ state }) => state === TodoState.COMPLETED).length;
  const head = `${paint.bold("to do")} ${paint.dim(`${done} of ${todos.length} done`)}`;
  const shown = todos.length > MAX_SHOWN ? todos.filter(({ state }) => state !== TodoState.COMPLETED) : todos;
  const lines = shown.slice(0, MAX_SHOWN).map((todo) => todoLine(todo, paint));
  const left = shown.length - lines.length;
  return [head, ...lines, ...(left > 0 ? [paint.dim(`  … ${left} more`)] : [])].join("\n");
}

function todoLine({ text, state }: Todo, paint: Paint): string {
  const line = shortLine(text, MAX_TEXT);
  if (state === TodoState.COMPLETED) return `  ${paint.green("[x]")} ${paint.dim(line)}`;
  return state === TodoState.IN_PROGRESS ? `  ${paint.yellow("[>]")} ${paint.bold(line)}` : `  [ ] ${line}`;
}
