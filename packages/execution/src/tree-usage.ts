import { create } from "@bufbuild/protobuf";
import { isFault } from "@stigmer/base";
import { type ExecutionLimits, ExecutionLimitsSchema, type Usage, UsageSchema } from "@stigmer/contracts/agentic";
import { ancestorsOf } from "./ancestors.ts";
import type { ExecutionRef } from "./execution-ref.ts";
import type { Executions } from "./executions.ts";
import type { ExecutionState } from "./state.ts";
import { addUsage } from "./usage.ts";

/** What an execution and all sub-agents below it have used until now, as their journals say. */
export async function treeUsage(executions: Executions, ref: ExecutionRef, state: ExecutionState): Promise<Usage> {
  const sum = create(UsageSchema);
  addUsage(sum, state.status.usage);
  addUsage(sum, state.status.subAgentUsage);
  for (const id of state.children) addUsage(sum, await childUsage(executions, { org: ref.org, id }));
  return sum;
}

async function childUsage(executions: Executions, ref: ExecutionRef): Promise<Usage | undefined> {
  try {
    return await treeUsage(executions, ref, await executions.load(ref));
  } catch (error) {
    if (isFault(error, "RESOURCE_NOT_FOUND")) return undefined; // it was purged
    throw error;
  }
}

/** An execution, or one that it works for: its bounds, and what it and all below it have used. */
export type Level = { readonly id: string; readonly limits: ExecutionLimits; readonly used: Usage };

/** An execution and those that it works for, the nearest first and the one that a user started last. */
export async function levelsOf(executions: Executions, ref: ExecutionRef): Promise<readonly Level[]> {
  const own = await executions.load(ref);
  const all = [{ ref, state: own }, ...(await ancestorsOf(executions, ref, own))];
  const levels = all.map(async ({ ref: at, state }) => ({
    ...{ id: at.id, limits: state.created?.limits ?? create(ExecutionLimitsSchema) },
    used: await treeUsage(executions, at, state),
  }));
  return await Promise.all(levels);
}
