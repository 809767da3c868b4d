import { create } from "@bufbuild/protobuf";
import { isFault } from "@stigmer/base";
import {
  AgentExecutionCommandController,
  CancelAgentExecutionRequestSchema,
  ExecutionPhase as Phase,
} from "@stigmer/contracts/agentic";
import type { Needed, RunningWork } from "@stigmer/resource/port";
import type { Page, Where } from "@stigmer/store";
import { type AgentExecutionsDeps, tell } from "./agent-executions.ts";
import { planCancel } from "./cancel-execution.ts";

/** By which field an execution says that it needs a resource of a kind, and what stands there. */
const NEEDS: Readonly<Record<string, { readonly path: string; readonly by: "id" | "name" }>> = {
  Agent: { path: "spec.agent", by: "name" },
  Session: { path: "status.sessionId", by: "id" },
};
const PAGE = 500;
/** Phases in which an execution goes on or will. */
const UNFINISHED = [
  ...[Phase.PENDING, Phase.RUNNING, Phase.PAUSED],
  ...[Phase.WAITING_FOR_APPROVAL, Phase.WAITING_FOR_INPUT],
];

/** Most unfinished executions whose beginnings are read: no index covers what stands there. */
const MAX_READ = 1_000;

/** Executions of agents and sessions, and those that began with an environment, that are not finished. */
export function createRunningWork(deps: AgentExecutionsDeps): RunningWork {
  return {
    async on(resources) {
      const ids = new Set<string>();
      for (const resource of resources) for await (const id of needing(deps, resource)) ids.add(id);
      return [...ids];
    },
    async cancel(id, call) {
      const request = create(CancelAgentExecutionRequestSchema, { id, comment: "what it needs was deleted" });
      const method = AgentExecutionCommandController.method.cancel;
      try {
        const own = { ...call, method, idempotencyKey: undefined };
        await tell(deps, { request, call: own, plan: planCancel });
      } catch (error) {
        if (!isFault(error, "EXECUTION_PHASE")) throw error;
      }
    },
  };
}

async function* needing(deps: AgentExecutionsDeps, needed: Needed): AsyncIterable<string> {
  const need = NEEDS[needed.kind];
  if (need) yield* unfinished(deps, needed.tenant, [[{ field: need.path, in: [needed[need.by]] }]]);
  if (needed.kind !== "Environment") return;
  let count = 0;
  for await (const id of unfinished(deps, needed.tenant)) {
    if (++count > MAX_READ) return;
    const { created } = await deps.executions.load({ org: needed.tenant, id });
    if (created?.environments.includes(needed.name)) yield id;
  }
}

async function* unfinished(
  { resources, executions }: AgentExecutionsDeps,
  tenant: string,
  also: Where = [],
): AsyncIterable<string> {
  const { agentExecutionKind: kind } = executions;
  const phases = UNFINISHED.map((phase) => kind.index.named("status.phase")?.type.textOf(phase) ?? "");
  const where: Where = [...also, [{ field: "status.phase", in: phases }]];
  const filter = { tenant, kind: kind.options.kind, where };
  for (let after: string | undefined = ""; after !== undefined; ) {
    const page: Page = await resources.store.page(filter, { after, limit: PAGE });
    for (const { id } of page.rows) yield id;
    after = page.next;
  }
}
