import { create } from "@bufbuild/protobuf";
import { isFault } from "@stigmer/base";
import {
  type AgentExecution,
  AgentExecutionCommandController,
  CancelAgentExecutionRequestSchema,
  type Session,
} from "@stigmer/contracts/agentic";
import { fromRow, type Resource } from "@stigmer/resource";
import type { RunningWork } from "@stigmer/resource/port";
import type { Row } from "@stigmer/store";
import { type AgentExecutionsDeps, cancelExecution } from "./agent-executions.ts";
import { requireKind } from "./approvals.ts";
import { AGENT_QUEUE } from "./executions.ts";
import { isFinal } from "./fold.ts";

/** Executions of agents and sessions that are not finished. */
export function createRunningWork(deps: AgentExecutionsDeps): RunningWork {
  return {
    async on(kind, { tenant, id, name }) {
      if (kind === "Agent") return await idsOf(deps, (execution) => execution.spec?.agent === name, tenant);
      if (kind === "Session") return await ofSession(deps, { tenant, id });
      return [];
    },
    async cancel({ id }, call) {
      const request = create(CancelAgentExecutionRequestSchema, { id, comment: "what it needs was deleted" });
      const method = AgentExecutionCommandController.method.cancel;
      try {
        await cancelExecution(deps, request, { ...call, method, idempotencyKey: undefined });
      } catch (error) {
        if (!isFault(error, "EXECUTION_PHASE")) throw error;
      }
    },
  };
}

/** A session runs one execution at a time, its newest. */
async function ofSession(
  deps: AgentExecutionsDeps,
  { tenant, id }: { readonly tenant: string; readonly id: string },
): Promise<readonly string[]> {
  const kind = requireKind(deps.resources.kinds, "Session");
  const row = await deps.resources.store.get({ tenant, kind: kind.options.kind, id });
  const latest = row && (fromRow(kind, row) as Resource & Session).status?.latestExecutionId;
  const execution = latest ? await executionOf(deps, { tenant, id: latest }) : undefined;
  return execution && !isFinal(execution.status?.phase ?? 0) ? [latest ?? ""] : [];
}

/** Every execution that is not finished has a task. */
async function idsOf(
  deps: AgentExecutionsDeps,
  matches: (execution: AgentExecution) => boolean,
  tenant: string,
): Promise<readonly string[]> {
  const ids: string[] = [];
  for await (const task of deps.resources.store.tasks(AGENT_QUEUE)) {
    if (task.tenant !== tenant) continue;
    const execution = await executionOf(deps, task);
    if (execution && matches(execution)) ids.push(task.id);
  }
  return ids;
}

async function executionOf(
  { resources, executions }: AgentExecutionsDeps,
  { tenant, id }: { readonly tenant: string; readonly id: string },
): Promise<AgentExecution | undefined> {
  const kind = executions.agentExecutionKind;
  const row: Row | undefined = await resources.store.get({ tenant, kind: kind.options.kind, id });
  return row && (fromRow(kind, row) as Resource & AgentExecution);
}
