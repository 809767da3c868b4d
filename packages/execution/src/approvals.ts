import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { type Clock, precondition } from "@stigmer/base";
import {
  AcceptedToolSchema,
  type Approval,
  ApprovalCommandController,
  ApprovalDecision,
  ApprovalStatusSchema,
  type DecideApprovalRequest,
  type McpServer,
  McpServerStatusSchema,
  ExecutionPhase as Phase,
} from "@stigmer/contracts/agentic";
import {
  type Call,
  fromRow,
  type Handler,
  type Kind,
  type Kinds,
  metadataOf,
  type Pipeline,
  type Plan,
  requireById,
  toRow,
  unary,
} from "@stigmer/resource";
import type { Batch, Precondition, Reader, RowContent } from "@stigmer/store";
import { type ExecutionRef, type Executions, mergeBatches, type NewEvent } from "./executions.ts";
import type { Hub } from "./hub.ts";
import type { Leases } from "./leases.ts";

export type ApprovalsDeps = {
  readonly pipeline: Pipeline;
  readonly kinds: Kinds;
  readonly executions: Executions;
  readonly leases: Leases;
  readonly hub: Hub;
  readonly clock: Clock;
};

export function approvalHandlers(deps: ApprovalsDeps): readonly Handler[] {
  return [
    unary(ApprovalCommandController.method.decide, (request, call) =>
      deps.pipeline.command(request, call, (read) => planDecision(deps, { request, call, read })),
    ),
  ];
}

type Asked = { readonly request: DecideApprovalRequest; readonly call: Call; readonly read: Reader };

/** The answer, its place in the journal, and the next task are one commit. */
async function planDecision(deps: ApprovalsDeps, { request, call, read }: Asked): Promise<Plan<Approval>> {
  const kind = requireKind(deps.kinds, "Approval");
  const row = await requireById(read, kind, { org: call.org, id: request.id });
  const approval = fromRow(kind, row) as Approval;
  if (request.decision === ApprovalDecision.WITHDRAWN) throw decided("only the system withdraws an approval", approval);
  const before = approval.status?.decision ?? ApprovalDecision.UNSPECIFIED;
  if (before === request.decision) return { answer: approval, resource: row.id };
  if (before !== ApprovalDecision.UNSPECIFIED) throw decided(`approval "${request.id}" was decided before`, approval);
  answerApproval(approval, {
    decision: request.decision,
    by: call.caller.subject,
    comment: request.comment,
    now: deps.clock.now(),
  });
  const ref: ExecutionRef = { org: call.org, id: approval.spec?.executionId ?? "" };
  const resumed = await resume(deps, ref, approval);
  const accepted =
    request.decision === ApprovalDecision.APPROVED
      ? await acceptDefinition(deps, read, { approval, org: call.org })
      : {};
  return {
    batch: mergeBatches(resumed, { puts: [toRow(kind, call.org, approval), ...(accepted.puts ?? [])] }),
    preconditions: [{ row, version: row.version }, ...(accepted.preconditions ?? [])],
    answer: approval,
    resource: row.id,
    afterCommit: () => {
      deps.hub.changed(ref.id);
      deps.leases.wake();
    },
  };
}

/** Writes an answer into an approval. */
export function answerApproval(
  approval: Approval,
  answer: { readonly decision: ApprovalDecision; readonly by: string; readonly comment: string; readonly now: number },
): void {
  const decideTime = timestampFromMs(answer.now);
  const { decision, by: decidedBy, comment } = answer;
  approval.status = create(ApprovalStatusSchema, { decision, decidedBy, comment, decideTime });
  Object.assign(metadataOf(approval), { updateTime: decideTime, updatedBy: decidedBy, resourceVersion: "" });
}

async function resume(deps: ApprovalsDeps, ref: ExecutionRef, approval: Approval): Promise<Batch> {
  const state = { ...(await deps.executions.load(ref)) }; // where the journal goes on meanwhile, the commit is refused
  const { decision, decidedBy, comment } = approval.status ?? create(ApprovalStatusSchema);
  const approvalId = metadataOf(approval).id;
  const decided: NewEvent = {
    stepKey: approval.spec?.stepKey ?? "",
    event: { case: "approvalDecided", value: { approvalId, decision, decidedBy, comment } },
  };
  const waits = state.status.phase === Phase.WAITING_FOR_APPROVAL && state.status.approvalId === approvalId;
  if (!waits) return await deps.executions.batchFor(ref, state, [decided]);
  const pending: NewEvent = { event: { case: "phaseChanged", value: { phase: Phase.PENDING } } };
  const epoch = (await deps.executions.task(ref))?.epoch ?? 0;
  const task = { ...deps.executions.taskKey(ref), epoch, holder: "", dueAt: deps.clock.now(), bytes: new Uint8Array() };
  return mergeBatches(await deps.executions.batchFor(ref, state, [decided, pending]), { tasks: [task] });
}

type Accepted = { readonly puts?: readonly RowContent[]; readonly preconditions?: readonly Precondition[] };

/** Whoever approves a call has seen the tool's definition: from now on its annotations count. */
async function acceptDefinition(
  deps: ApprovalsDeps,
  read: Reader,
  of: { readonly approval: Approval; readonly org: string },
): Promise<Accepted> {
  const { server: name = "", definitionDigest: digest = "", tool = "" } = of.approval.spec ?? {};
  const kind = requireKind(deps.kinds, "McpServer");
  const row = await read.getByName({ tenant: of.org, kind: kind.options.kind, name });
  if (!row || !digest) return {};
  const server = fromRow(kind, row) as McpServer;
  const known = server.status?.acceptedTools ?? [];
  if (known.some((one) => one.digest === digest)) return {};
  const { decidedBy: acceptedBy = "", decideTime: acceptTime } = of.approval.status ?? {};
  const accepted = create(AcceptedToolSchema, { name: tool, digest, acceptedBy, ...(acceptTime && { acceptTime }) });
  const acceptedTools = [...known, accepted].slice(-MAX_ACCEPTED);
  server.status = create(McpServerStatusSchema, { revision: server.status?.revision ?? "", acceptedTools });
  return { puts: [toRow(kind, of.org, server)], preconditions: [{ row, version: row.version }] };
}

const MAX_ACCEPTED = 1024;

export function requireKind(kinds: Kinds, name: string): Kind {
  const kind = kinds.named(name);
  if (!kind) throw new Error(`the kind ${name} is not registered`);
  return kind;
}

function decided(message: string, approval: Approval): Error {
  const decision = ApprovalDecision[approval.status?.decision ?? ApprovalDecision.UNSPECIFIED];
  return precondition("APPROVAL_DECIDED", { decision }, { message: `${message}: ${decision.toLowerCase()}` });
}
