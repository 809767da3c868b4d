import { create } from "@bufbuild/protobuf";
import { isFault } from "@stigmer/base";
import {
  type AgentExecution,
  AgentExecutionCommandController,
  CancelAgentExecutionRequestSchema,
} from "@stigmer/contracts/agentic";
import { fromRow, type Resource } from "@stigmer/resource";
import type { RunningWork } from "@stigmer/resource/port";
import type { Row } from "@stigmer/store";
import { type AgentExecutionsDeps, cancelExecution } from "./agent-executions.ts";
import { AGENT_QUEUE } from "./executions.ts";

const AGENT = "Agent";
const SESSION = "Session";

/** Executions of agents and sessions that are not finished. Every one of them has a task. */
export function createRunningWork(deps: AgentExecutionsDeps): RunningWork {
  return {
    async on(resources) {
      const needed = new Set(resources.map(keyOf));
      const tenants = new Set(resources.map(({ tenant }) => tenant));
      if (!resources.some(({ kind }) => kind === AGENT || kind === SESSION)) return [];
      const ids: string[] = [];
      for await (const { tenant, id } of deps.resources.store.tasks(AGENT_QUEUE)) {
        if (!tenants.has(tenant)) continue;
        const execution = await executionOf(deps, { tenant, id });
        const { agent = "", sessionId = "" } = execution?.spec ?? {};
        const needs = [keyOf({ kind: AGENT, name: agent }), keyOf({ kind: SESSION, id: sessionId })];
        if (needs.some((key) => needed.has(key))) ids.push(id);
      }
      return ids;
    },
    async cancel(id, call) {
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

/** An execution names its agent, and knows its session by id. */
function keyOf({ kind, name, id }: { readonly kind: string; readonly name?: string; readonly id?: string }): string {
  return `${kind}/${kind === AGENT ? name : id}`;
}

async function executionOf(
  { resources, executions }: AgentExecutionsDeps,
  { tenant, id }: { readonly tenant: string; readonly id: string },
): Promise<AgentExecution | undefined> {
  const kind = executions.agentExecutionKind;
  const row: Row | undefined = await resources.store.get({ tenant, kind: kind.options.kind, id });
  return row && (fromRow(kind, row) as Resource & AgentExecution);
}
