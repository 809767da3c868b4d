import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import {
  type Approval,
  ApprovalCause,
  ApprovalExpiry,
  ApprovalRequestedSchema,
  ApprovalSchema,
  ApprovalSpecSchema,
  ApprovalStatusSchema,
  ExecutionPhase as Phase,
  type ToolDefinition,
} from "@stigmer/contracts/agentic";
import {
  ancestorsOf,
  approvalTimer,
  type ExecutionState,
  mergeBatches,
  type NewEvent,
  requireKind,
  tellAncestors,
  timerTask,
  type Verdict,
} from "@stigmer/execution";
import { canonicalJson, type Json, type Resource, textDigest, toRow } from "@stigmer/resource";
import type { Batch } from "@stigmer/store";
import type { AskedCall } from "./asked-call.ts";
import type { CapabilityDeps } from "./deps.ts";

/** A call that a person is asked about. */
export type Question = {
  readonly stepKey: string;
  readonly tool: ToolDefinition;
  readonly value: Record<string, Json>;
  readonly digest: string;
  readonly cause: ApprovalCause;
};

/** What an approval is bound to: the answer to one question is no answer to another. */
export function approvalDigest(of: {
  readonly executionId: string;
  readonly stepKey: string;
  readonly tool: ToolDefinition;
  readonly state: ExecutionState;
  readonly value: Record<string, Json>;
}): string {
  const { agentRevision = "", requestedBy = "" } = of.state.created ?? {};
  const call = { execution: of.executionId, step: of.stepKey, tool: of.tool.name, arguments: of.value };
  return textDigest(canonicalJson({ ...call, definition: of.tool.digest, agentRevision, requestedBy }));
}

/**
 * The approvals, their places in the journals, and the end of the lease are one commit. The first question is about the
 * call itself, the others are about those that are planned after it.
 */
export async function askPerson(
  deps: CapabilityDeps,
  of: { readonly asked: AskedCall; readonly state: ExecutionState; readonly questions: readonly Question[] },
): Promise<Verdict> {
  const { asked, state, questions } = of;
  const approvals = questions.map((question) => newApproval(deps, { asked, state, question }));
  const events = approvals.map(({ id, approval }): NewEvent => {
    const value = create(ApprovalRequestedSchema, { approvalId: id, ...(approval.spec && { spec: approval.spec }) });
    const stepKey = approval.spec?.stepKey ?? "";
    return { stepKey, epoch: BigInt(asked.epoch), event: { case: "approvalRequested", value } };
  });
  const ancestors = await ancestorsOf(deps.executions, asked, state);
  const above = await tellAncestors(
    deps,
    ancestors,
    events.map(({ event }) => event),
  );
  return {
    ...{ kind: "park", approvalId: approvals[0]?.id ?? "", phase: Phase.WAITING_FOR_APPROVAL, events },
    batch: mergeBatches(...approvals.map(({ batch }) => batch), above.batch),
    preconditions: above.preconditions,
    afterCommit: () => {
      for (const id of above.touched) deps.hub.changed(id);
    },
  };
}

type Asking = { readonly asked: AskedCall; readonly state: ExecutionState; readonly question: Question };

function newApproval(
  deps: CapabilityDeps,
  { asked, state, question }: Asking,
): { readonly id: string; readonly approval: Approval; readonly batch: Batch } {
  const kind = requireKind(deps.resources.kinds, "Approval");
  const id = deps.resources.ids.mint(kind.options.idPrefix);
  const now = deps.resources.clock.now();
  const expiry = expiryOf(state, now);
  const approval = create(ApprovalSchema, {
    apiVersion: kind.apiVersion,
    kind: "Approval",
    metadata: {
      ...{ id, name: id.toLowerCase().replace("_", "-"), org: asked.org, generation: 1n, createdBy: "system" },
      ...{ createTime: timestampFromMs(now), updateTime: timestampFromMs(now) },
    },
    spec: create(ApprovalSpecSchema, {
      ...specOf(asked, state, question),
      ...(expiry && { expireTime: timestampFromMs(expiry.at), onExpiry: expiry.onExpiry }),
    }),
    status: create(ApprovalStatusSchema),
  });
  const timers = expiry ? [timerTask(approvalTimer({ org: asked.org, id }), expiry.at)] : [];
  return { id, approval, batch: { puts: [toRow(kind, asked.org, approval as Resource)], tasks: timers } };
}

function specOf(asked: AskedCall, { created }: ExecutionState, { stepKey, tool, value, digest, cause }: Question) {
  return {
    ...{ executionId: asked.id, stepKey, tool: tool.tool, server: tool.server, arguments: JSON.stringify(value) },
    ...{ cause, definitionDigest: tool.digest, digest, toolDescription: tool.description },
    ...{ rootExecutionId: created?.parent?.rootExecutionId ?? "", agent: created?.agent ?? "" },
    inputSchema: tool.inputSchema,
  };
}

function expiryOf({ created }: ExecutionState, now: number) {
  const { timeout, onTimeout } = created?.spec?.approvals ?? {};
  if (!timeout) return undefined;
  const ms = Number(timeout.seconds) * 1000 + Math.round(timeout.nanos / 1e6);
  return { at: now + ms, onExpiry: onTimeout || ApprovalExpiry.DENY };
}

/** Why a person is asked about a call. */
export function causeOf(isUncertain: boolean): ApprovalCause {
  return isUncertain ? ApprovalCause.UNCERTAIN : ApprovalCause.POLICY;
}
