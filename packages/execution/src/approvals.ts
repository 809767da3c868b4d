import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { invalid, precondition, type Violation } from "@stigmer/base";
import {
  AcceptedToolSchema,
  type Approval,
  ApprovalCause,
  ApprovalCommandController,
  ApprovalDecision,
  ApprovalScope,
  type DecideApprovalRequest,
  DecideApprovalRequestSchema,
  type McpServer,
  McpServerStatusSchema,
} from "@stigmer/contracts/agentic";
import {
  type Call,
  fromRow,
  type Handler,
  metadataOf,
  type Pipeline,
  type Plan,
  type Resource,
  requireById,
  toRow,
  unary,
} from "@stigmer/resource";
import type { Precondition, Row, RowContent } from "@stigmer/store";
import { answerApproval } from "./answer-approval.ts";
import { tellRunner } from "./elicitation-answer.ts";
import { answerViolations } from "./elicitation-rules.ts";
import type { EndingDeps } from "./ending.ts";
import { mergeBatches } from "./executions.ts";
import { planGoingOn } from "./going-on.ts";
import { requireKind } from "./require-kind.ts";

export type ApprovalsDeps = EndingDeps & {
  readonly pipeline: Pipeline;
  /** What is wrong with arguments of a tool, by its schema; undefined where they fit. Both are JSON. */
  readonly problemOf: (argumentsJson: string, inputSchema: string) => string | undefined;
};

export function approvalHandlers(deps: ApprovalsDeps): readonly Handler[] {
  return [
    unary(ApprovalCommandController.method.decide, (request, call) =>
      deps.pipeline.command(request, call, () => planDecision(deps, request, call)),
    ),
  ];
}

const BY_PEOPLE = new Set([ApprovalDecision.APPROVED, ApprovalDecision.REJECTED, ApprovalDecision.SKIPPED]);

/** The answer, its place in the journals, and the next task are one commit. */
async function planDecision(deps: ApprovalsDeps, asked: DecideApprovalRequest, call: Call): Promise<Plan<Approval>> {
  const kind = requireKind(deps.resources.kinds, "Approval");
  const row = await requireById(deps.resources.store, kind, { org: call.org, id: asked.id });
  const approval = fromRow(kind, row) as Resource & Approval;
  refuseMisuse(deps, asked, approval);
  const ref = { org: call.org, id: approval.spec?.executionId ?? "" };
  const { created } = await deps.executions.load(ref);
  const request = await deps.executions.redaction.said({ ref, created }, DecideApprovalRequestSchema, asked);
  if (isSame(request, approval)) return { answer: approval, resource: row.id };
  const before = approval.status?.decision ?? ApprovalDecision.UNSPECIFIED;
  if (before !== ApprovalDecision.UNSPECIFIED) throw decided(`approval "${request.id}" was decided before`, approval);
  if (isOver(deps, approval)) throw decided(`the time to decide approval "${request.id}" is over`, approval, "expired");
  const { decision, comment, scope, arguments: edited } = request;
  answerApproval(approval, {
    ...{ decision, by: call.caller.subject, comment, scope, arguments: edited },
    now: deps.resources.clock.now(),
  });
  return await decisionPlan(deps, { row, approval, org: call.org });
}

type Decided = { readonly row: Row; readonly approval: Resource & Approval; readonly org: string };

/** Stores a decided approval, and lets the execution go on that asked. */
export async function decisionPlan(deps: EndingDeps, { row, approval, org }: Decided): Promise<Plan<Approval>> {
  const kind = requireKind(deps.resources.kinds, "Approval");
  const all: readonly Open[] = [{ row, approval }, ...(await coveredBy(deps, approval, org))];
  const approvals = all.map((one) => one.approval);
  const ref = { org, id: approval.spec?.executionId ?? "" };
  const state = await deps.executions.load(ref);
  const goingOn = await planGoingOn(deps, ref, approvals);
  const isApproved = approval.status?.decision === ApprovalDecision.APPROVED;
  const accepted = isApproved ? await acceptDefinition(deps, approval, org) : {};
  return {
    batch: mergeBatches(goingOn.batch, {
      puts: [...approvals.map((one) => toRow(kind, org, one)), ...(accepted.puts ?? [])],
    }),
    preconditions: [
      ...all.map((one) => ({ row: one.row, version: one.row.version })),
      ...(accepted.preconditions ?? []),
    ],
    answer: approval,
    resource: row.id,
    afterCommit: () => {
      for (const id of goingOn.touched) deps.hub.changed(id);
      deps.leases.wake(goingOn.batch.tasks);
      tellRunner(deps.runners, ref, { state, approval });
    },
  };
}

type Open = { readonly row: Row; readonly approval: Resource & Approval };

/** Questions of the execution that are open and that a wide approval answers as well. */
async function coveredBy(deps: EndingDeps, approval: Resource & Approval, org: string): Promise<readonly Open[]> {
  const { spec, status } = approval;
  const isWide = status?.scope === ApprovalScope.TOOL || status?.scope === ApprovalScope.SERVER;
  if (!spec || !isWide) return [];
  const kind = requireKind(deps.resources.kinds, "Approval");
  const found: Open[] = [];
  for (const id of (await deps.executions.load({ org, id: spec.executionId })).status.approvalIds) {
    const row = await deps.resources.store.get({ tenant: org, kind: kind.options.kind, id });
    const open = row && (fromRow(kind, row) as Resource & Approval);
    if (!open || id === metadataOf(approval).id || !covers(approval, open)) continue;
    const { decision, decidedBy: by } = status;
    const comment = `covered by ${metadataOf(approval).id}`;
    answerApproval(open, { decision, by, comment, scope: ApprovalScope.ONCE, now: deps.resources.clock.now() });
    found.push({ row, approval: open });
  }
  return found;
}

/** Calls whose outcome was lost are asked about all the same. */
function covers({ spec: wide, status }: Approval, { spec, status: open }: Approval): boolean {
  const isOpen = open?.decision === ApprovalDecision.UNSPECIFIED && spec?.cause === ApprovalCause.POLICY;
  if (!isOpen || spec.executionId !== wide?.executionId || spec.server !== wide.server) return false;
  const isSameTool = spec.tool === wide.tool && spec.definitionDigest === wide.definitionDigest;
  return isSameTool || status?.scope === ApprovalScope.SERVER;
}

function refuseMisuse(
  { problemOf }: ApprovalsDeps,
  { decision, scope, arguments: edited }: DecideApprovalRequest,
  approval: Approval,
): void {
  const violations: Violation[] = [];
  if (!BY_PEOPLE.has(decision)) violations.push({ field: "decision", description: "only the system decides this" });
  if (approval.spec?.cause === ApprovalCause.ELICITATION) {
    violations.push(...answerViolations({ decision, scope, arguments: edited }, approval.spec, problemOf));
    if (violations.length > 0) throw invalid(violations);
    return;
  }
  const isApproved = decision === ApprovalDecision.APPROVED;
  if (scope && !isApproved)
    violations.push({ field: "scope", description: "only an approval covers more than a call" });
  if (edited && !isApproved) violations.push({ field: "arguments", description: "only with an approval" });
  if (scope > ApprovalScope.ONCE && approval.spec?.cause === ApprovalCause.PLAN)
    violations.push({ field: "scope", description: "a plan is approved alone" });
  const isOwnStep = approval.spec?.tool === "" && approval.spec.cause === ApprovalCause.UNCERTAIN;
  if (scope > ApprovalScope.ONCE && isOwnStep)
    violations.push({ field: "scope", description: "a runner's own step is approved alone" });
  if (edited && isOwnStep) violations.push({ field: "arguments", description: "a runner's own step has none" });
  const problem = edited && !isOwnStep ? problemOf(edited, approval.spec?.inputSchema ?? "") : undefined;
  if (problem) violations.push({ field: "arguments", description: problem });
  if (violations.length > 0) throw invalid(violations);
}

/** Whether exactly this was decided before. */
function isSame({ decision, scope, arguments: edited }: DecideApprovalRequest, { status }: Approval): boolean {
  const wide = (one: ApprovalScope = 0): ApprovalScope => one || ApprovalScope.ONCE;
  return status?.decision === decision && wide(status.scope) === wide(scope) && status.arguments === edited;
}

/** An approval can be decided until its time is over, whether that has been noticed or not. */
function isOver({ resources }: EndingDeps, { spec }: Approval): boolean {
  const until = spec?.expireTime;
  return until !== undefined && Number(until.seconds) * 1000 + until.nanos / 1e6 <= resources.clock.now();
}

type Accepted = { readonly puts?: readonly RowContent[]; readonly preconditions?: readonly Precondition[] };

/** Whoever approves a call has seen the tool's definition: from now on its annotations count. */
async function acceptDefinition({ resources }: EndingDeps, approval: Approval, org: string): Promise<Accepted> {
  const { server: name = "", definitionDigest: digest = "", tool = "" } = approval.spec ?? {};
  const kind = requireKind(resources.kinds, "McpServer");
  const row =
    name && digest ? await resources.store.getByName({ tenant: org, kind: kind.options.kind, name }) : undefined;
  if (!row) return {};
  const server = fromRow(kind, row) as Resource & McpServer;
  const known = server.status?.acceptedTools ?? [];
  if (known.some((one) => one.digest === digest)) return {};
  const { decidedBy: acceptedBy = "", decideTime = timestampFromMs(0) } = approval.status ?? {};
  const accepted = create(AcceptedToolSchema, { name: tool, digest, acceptedBy, acceptTime: decideTime });
  const acceptedTools = [...known, accepted].slice(-MAX_ACCEPTED);
  const status = server.status ?? create(McpServerStatusSchema);
  const changedTools = status.changedTools.filter((one) => one.name !== tool);
  server.status = Object.assign(status, { acceptedTools, changedTools });
  return { puts: [toRow(kind, org, server)], preconditions: [{ row, version: row.version }] };
}

const MAX_ACCEPTED = 1024;

function decided(message: string, approval: Approval, as = ""): Error {
  const decision = as || ApprovalDecision[approval.status?.decision ?? ApprovalDecision.UNSPECIFIED];
  return precondition(
    "APPROVAL_DECIDED",
    { decision: decision.toUpperCase() },
    { message: `${message}: ${decision.toLowerCase()}` },
  );
}
