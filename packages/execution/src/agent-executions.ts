import { type AgentExecution, AgentExecutionCommandController } from "@stigmer/contracts/agentic";
import {
  type Call,
  fromRow,
  type Handler,
  type Pipeline,
  type Plan,
  type Resource,
  requireById,
  unary,
} from "@stigmer/resource";
import { planCancel } from "./cancel-execution.ts";
import type { Change, ChangePlan } from "./change-plan.ts";
import type { ExecutionRef } from "./execution-ref.ts";
import { inTurn, mergeBatches } from "./executions.ts";
import { planFork } from "./fork-execution.ts";
import { planPause, planResume } from "./pause-execution.ts";
import { planInput } from "./provide-input.ts";
import { planRetry } from "./retry-execution.ts";
import { planStart, planStarts, type StartDeps } from "./start-execution.ts";
import type { ExecutionState } from "./state.ts";
import { planTerminate } from "./terminate-execution.ts";

export type AgentExecutionsDeps = StartDeps & { readonly pipeline: Pipeline };

export function agentExecutionHandlers(deps: AgentExecutionsDeps): readonly Handler[] {
  const { pipeline } = deps;
  const { method } = AgentExecutionCommandController;
  // Many that join one session at once would each be planned anew whenever another was first.
  const turns = new Map<string, Promise<unknown>>();
  return [
    unary(method.create, (request, call) => {
      const start = () => pipeline.command(request, call, () => planStart(deps, request, call));
      const sessionId = request.spec?.sessionId;
      return sessionId ? inTurn(turns, `${call.org}/${sessionId}`, start) : start();
    }),
    unary(method.createBatch, (request, call) =>
      pipeline.command(request, call, () => planStarts(deps, request, call)),
    ),
    unary(method.fork, (request, call) => pipeline.command(request, call, () => planFork(deps, request, call))),
    unary(method.cancel, (request, call) => tell(deps, { request, call, plan: planCancel })),
    unary(method.terminate, (request, call) => tell(deps, { request, call, plan: planTerminate })),
    unary(method.pause, (request, call) => tell(deps, { request, call, plan: planPause })),
    unary(method.resume, (request, call) => tell(deps, { request, call, plan: planResume })),
    unary(method.retry, (request, call) => tell(deps, { request, call, plan: planRetry })),
    unary(method.provideInput, (request, call) => tell(deps, { request, call, plan: planInput })),
  ];
}

type Telling<R> = { readonly request: R; readonly call: Call; readonly plan: ChangePlan<R> };

/** Runs a command that changes an execution; the answer is the execution as the commit leaves it. */
export async function tell<R extends Parameters<Pipeline["command"]>[0] & { readonly id: string }>(
  deps: AgentExecutionsDeps,
  { request, call, plan }: Telling<R>,
): Promise<AgentExecution> {
  const by = call.caller.subject;
  return await deps.pipeline.command(request, call, async (): Promise<Plan<AgentExecution>> => {
    const ref = { org: call.org, id: request.id };
    const state = { ...(await deps.executions.load(ref)) }; // where the journal goes on meanwhile, the commit is refused
    const of = { ref, created: state.created };
    const said = (await deps.executions.redaction.said(of, call.method.input, request)) as R;
    const change = await plan(deps, { ref, state, request: said, by });
    return await commandPlan(deps, { ref, state, change });
  });
}

async function commandPlan(
  deps: AgentExecutionsDeps,
  of: { readonly ref: ExecutionRef; readonly state: ExecutionState; readonly change: Change },
): Promise<Plan<AgentExecution>> {
  const { ref, state, change } = of;
  const kind = deps.executions.agentExecutionKind;
  const journal = await deps.executions.batchFor(ref, state, change.events);
  const [stored] = journal.puts ?? [];
  const row = stored ? { ...stored, version: 0 } : await requireById(deps.resources.store, kind, ref);
  const answer = fromRow(kind, row) as Resource & AgentExecution;
  if (change.events.length === 0) return { answer, resource: ref.id };
  if (answer.metadata) answer.metadata.resourceVersion = ""; // the commit's, which is yet to come
  return {
    batch: mergeBatches(journal, change.batch ?? {}),
    preconditions: change.preconditions ?? [],
    answer,
    resource: ref.id,
    afterCommit: () => {
      change.afterCommit?.();
      deps.hub.changed(ref.id);
      deps.leases.wake(change.batch?.tasks ?? []);
    },
  };
}
