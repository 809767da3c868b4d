import type { ToolDefinition } from "@stigmer/contracts/agentic";
import type { ExecutionState, Verdict } from "@stigmer/execution";
import { askUser, askUserTool } from "./ask-user.ts";
import type { CapabilityDeps } from "./deps.ts";
import type { OwnCall } from "./own-call.ts";
import { readSkill, readSkillTool } from "./read-skill.ts";
import { submitPlan, submitPlanTool } from "./submit-plan.ts";
import { updateTodos, updateTodosTool } from "./update-todos.ts";

/** The tools that the backend itself offers an execution; their names come before those of any server. */
export function ownTools({ created }: ExecutionState): readonly ToolDefinition[] {
  return [
    ...(created?.spec?.askUser ? [askUserTool()] : []),
    ...(created && created.skills.length > 0 ? [readSkillTool()] : []),
    ...(created?.spec?.todoList ? [updateTodosTool()] : []),
    ...(created?.planFirst && !created.parent?.planMode ? [submitPlanTool()] : []),
  ];
}

/** What becomes of a call of one of the backend's own tools. */
export async function judgeOwn(deps: CapabilityDeps, call: OwnCall): Promise<Verdict> {
  switch (call.tool.tool) {
    case "read_skill":
      return await readSkill({ ...call, blobs: deps.resources.blobs, skills: call.state.created?.skills ?? [] });
    case "update_todos":
      return updateTodos(call);
    case "submit_plan":
      return await submitPlan(deps, call);
    default:
      return askUser(call);
  }
}
