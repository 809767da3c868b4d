import { create } from "@bufbuild/protobuf";
import {
  type Todo,
  TodoSchema,
  TodoState,
  TodosChangedSchema,
  type ToolDefinition,
  ToolDefinitionSchema,
} from "@stigmer/contracts/agentic";
import type { Verdict } from "@stigmer/execution";
import { canonicalJson, type Json, textDigest } from "@stigmer/resource";
import type { OwnCall } from "./own-call.ts";
import { refuse } from "./refuse.ts";

const UPDATE_TODOS = "update_todos";

const STATES: Readonly<Record<string, TodoState>> = {
  pending: TodoState.PENDING,
  in_progress: TodoState.IN_PROGRESS,
  completed: TodoState.COMPLETED,
};

const ITEM = {
  type: "object",
  properties: {
    text: { type: "string", minLength: 1, maxLength: 500, description: "What is to be done." },
    state: { type: "string", enum: Object.keys(STATES), description: "How far it is; one at most is in progress." },
  },
  required: ["text", "state"],
  additionalProperties: false,
};

const SCHEMA = {
  type: "object",
  properties: { todos: { type: "array", items: ITEM, maxItems: 100, description: "The whole list, in order." } },
  required: ["todos"],
};

/** The tool by which an agent keeps a list of what it has to do. */
export function updateTodosTool(): ToolDefinition {
  const said = {
    tool: UPDATE_TODOS,
    description:
      "Replace the list of what you have to do. The user sees it. Use it for work of several steps: write all of them down before " +
      "you begin, and bring the list up to date whenever one begins or is done.",
    inputSchema: JSON.stringify(SCHEMA),
  };
  return create(ToolDefinitionSchema, { ...said, name: said.tool, digest: textDigest(canonicalJson(said)) });
}

/** The list and the outcome of the step are one commit. A list that says what is known already is not recorded again. */
export function updateTodos({ asked, state, value }: Pick<OwnCall, "asked" | "state" | "value">): Verdict {
  const todos = (value.todos as readonly Record<string, Json>[]).map(todoOf);
  const open = todos.filter((todo) => todo.state === TodoState.IN_PROGRESS).length;
  if (open > 1) return refuse(asked, `${open} items are in progress; one at most may be`);
  const outcome = refuse(asked, `the list has ${todos.length} items`, false);
  if (isSame(todos, state.status.todos)) return outcome;
  return { ...outcome, beside: [{ case: "todosChanged", value: create(TodosChangedSchema, { todos }) }] };
}

function todoOf({ text, state }: Record<string, Json>): Todo {
  return create(TodoSchema, { text: String(text), state: STATES[String(state)] ?? TodoState.PENDING });
}

function isSame(todos: readonly Todo[], known: readonly Todo[]): boolean {
  const isEqual = ({ text, state }: Todo, at: number): boolean =>
    known[at]?.text === text && known[at]?.state === state;
  return todos.length === known.length && todos.every(isEqual);
}
