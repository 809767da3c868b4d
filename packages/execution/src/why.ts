import { create } from "@bufbuild/protobuf";
import { type Timestamp, timestampFromMs } from "@bufbuild/protobuf/wkt";
import {
  type Approval,
  ApprovalCause,
  type ApprovalSpec,
  ExecutionQueryController,
  ExecutionPhase as Phase,
  type Waiting,
  WaitingCause,
  WaitingSchema,
  type WhyRequest,
  type WhyResponse,
  WhyResponseSchema,
} from "@stigmer/contracts/agentic";
import { type Call, fromRow, type Handler, metadataOf, type Resource, unary } from "@stigmer/resource";
import type { EndingDeps } from "./ending.ts";
import { type ExecutionRef, selectorOf } from "./execution-ref.ts";
import { requireKind } from "./require-kind.ts";
import { hasTurn } from "./session-queue.ts";
import { type ExecutionState, isFinal } from "./state.ts";

export function whyHandlers(deps: EndingDeps): readonly Handler[] {
  return [unary(ExecutionQueryController.method.why, (request, call) => why(deps, request, call))];
}

/** Everything that an execution waits for, the oldest first. */
async function why(deps: EndingDeps, { executionId }: WhyRequest, call: Call): Promise<WhyResponse> {
  const ref = { org: call.org, id: executionId };
  const state = await deps.executions.load(ref);
  const { phase } = state.status;
  const waiting = isFinal(phase) ? [] : await causesOf(deps, ref, state);
  return create(WhyResponseSchema, { phase, waiting });
}

async function causesOf(deps: EndingDeps, ref: ExecutionRef, state: ExecutionState): Promise<Waiting[]> {
  const { status, cancelling } = state;
  const since = timestampFromMs(state.phaseSince);
  const found: Waiting[] = [];
  if (cancelling) found.push(cancels(state, since));
  if (status.phase === Phase.PAUSED) found.push(pauses(ref, since));
  for (const id of status.approvalIds) found.push(await approval(deps, ref, id));
  if (status.question) found.push(question(ref, status.question.text, since));
  if (status.subExecutionId) found.push(subAgent(status.subExecutionId, since));
  if (found.length > 0) return found;
  return [await runner(deps, { ref, state, since })];
}

type Said = Omit<Parameters<typeof create<typeof WaitingSchema>>[1] & object, "$typeName">;

function waiting(said: Said): Waiting {
  return create(WaitingSchema, said);
}

function cancels({ status, cancelling }: ExecutionState, since: Timestamp): Waiting {
  const { cancelDeadline: until } = status;
  return waiting({
    ...{ cause: WaitingCause.CANCELLING, since, who: "nobody needs to do anything", object: "" },
    ...(until && { until }),
    message: `${cancelling?.by ?? "somebody"} cancelled it; calls of tools that run are given time to stop`,
  });
}

function pauses({ id }: ExecutionRef, since: Timestamp): Waiting {
  const message = `it is paused; stigmer execution resume ${id} lets it go on`;
  return waiting({ cause: WaitingCause.PAUSED, since, who: "whoever may resume it", message });
}

async function approval({ resources }: EndingDeps, { org }: ExecutionRef, id: string): Promise<Waiting> {
  const kind = requireKind(resources.kinds, "Approval");
  const row = await resources.store.get({ tenant: org, kind: kind.options.kind, id });
  const found = row && (fromRow(kind, row) as Resource & Approval);
  const since = found && metadataOf(found).createTime;
  const until = found?.spec?.expireTime;
  return waiting({
    ...{ cause: WaitingCause.APPROVAL, object: id, who: "whoever may decide approvals" },
    ...(since && { since }),
    ...(until && { until }),
    message: approvalMessage(id, found?.spec),
  });
}

function approvalMessage(id: string, spec: ApprovalSpec | undefined): string {
  if (spec?.cause === ApprovalCause.ELICITATION)
    return `the tool server "${spec.server}" asks: ${spec.message} — stigmer approval show ${id} says what to fill in`;
  if (spec?.cause === ApprovalCause.PLAN)
    return `its plan needs a decision; stigmer approval show ${id} shows it, and stigmer approval approve ${id} lets it act`;
  return `a call of ${spec?.tool || "a tool"} needs a decision; stigmer approval approve ${id}, or reject`;
}

function question({ id }: ExecutionRef, text: string, since: Timestamp): Waiting {
  const message = `it asks: ${text} — stigmer execution input ${id} answers`;
  return waiting({ cause: WaitingCause.INPUT, since, who: "whoever may answer for the user", message });
}

function subAgent(object: string, since: Timestamp): Waiting {
  const message = `a sub-agent works for it; stigmer execution why ${object} says more`;
  return waiting({ cause: WaitingCause.SUB_AGENT, since, object, who: "the sub-agent", message });
}

type Asked = { readonly ref: ExecutionRef; readonly state: ExecutionState; readonly since: Timestamp };

async function runner(deps: EndingDeps, { ref, state, since }: Asked): Promise<Waiting> {
  const task = await deps.executions.task(ref);
  if (task?.holder) return working(deps, task, since);
  if (!(await hasTurn(deps, ref, state))) {
    const object = state.created?.previousExecutionId ?? "";
    const message = `an earlier execution of its session has not ended: ${object}`;
    return waiting({ cause: WaitingCause.SESSION, since, object, who: "whoever can end that one", message });
  }
  return waiting({
    ...{ cause: WaitingCause.RUNNER, since, who: "whoever runs the runners" },
    message: runnerMessage(deps, task?.queue ?? ""),
  });
}

function working(
  deps: EndingDeps,
  task: { readonly holder: string; readonly dueAt: number | undefined },
  since: Timestamp,
) {
  const connection = deps.runners.byInstance(task.holder);
  const message = connection
    ? `the runner "${connection.name}" drives it`
    : "its runner is not connected; another one gets it when its lease is over";
  return waiting({
    ...{ cause: WaitingCause.WORKING, since, who: "the runner", message, object: connection?.name ?? "" },
    ...(task.dueAt !== undefined && !connection && { until: timestampFromMs(task.dueAt) }),
  });
}

function runnerMessage({ runners }: EndingDeps, queue: string): string {
  const labels = selectorOf(queue).map(([key, value]) => `${key}=${value}`);
  const which = labels.length > 0 ? ` with the labels ${labels.join(",")}` : "";
  if (!runners.anyFor(selectorOf(queue))) return `no runner${which} is connected`;
  return `every connected runner${which} has its hands full; those that came before go first`;
}
