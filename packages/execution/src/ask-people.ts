import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import {
  type Approval,
  ApprovalExpiry,
  ApprovalRequestedSchema,
  ApprovalSchema,
  ApprovalSpecSchema,
  ApprovalStatusSchema,
} from "@stigmer/contracts/agentic";
import { type Resource, toRow } from "@stigmer/resource";
import type { Batch } from "@stigmer/store";
import { ancestorsOf, tellAncestors } from "./ancestors.ts";
import type { EndingDeps } from "./ending.ts";
import type { ExecutionRef, NewEvent } from "./execution-ref.ts";
import { type Decision, mergeBatches } from "./executions.ts";
import { requireKind } from "./require-kind.ts";
import type { ExecutionState } from "./state.ts";
import { approvalTimer, timerTask } from "./timer-tasks.ts";

/** A question as its asker words it: execution, requester and expiry are filled in. */
export type ApprovalQuestion = MessageInitShape<typeof ApprovalSpecSchema> & { readonly stepKey: string };

export type Asking = {
  readonly ref: ExecutionRef;
  /** Epoch of the lease under which it is asked. */
  readonly epoch: number;
  readonly state: ExecutionState;
  readonly questions: readonly ApprovalQuestion[];
};

/** What a commit stores so that people are asked; `approvalIds` in the order of the questions. */
export type Asked = Pick<Decision<unknown>, "events"> & {
  readonly approvalIds: readonly string[];
  readonly batch: Batch;
  readonly preconditions: NonNullable<Decision<unknown>["preconditions"]>;
  readonly afterCommit: () => void;
};

/** The approvals and their places in the journals, of the execution itself and of those for which it works, for one commit. */
export async function askPeople(deps: EndingDeps, { ref, epoch, state, questions }: Asking): Promise<Asked> {
  const approvals = questions.map((question) => newApproval(deps, { ref, state, question }));
  const events = approvals.map(({ id, approval }): NewEvent => {
    const value = create(ApprovalRequestedSchema, { approvalId: id, ...(approval.spec && { spec: approval.spec }) });
    const stepKey = approval.spec?.stepKey ?? "";
    return { stepKey, epoch: BigInt(epoch), event: { case: "approvalRequested", value } };
  });
  const ancestors = await ancestorsOf(deps.executions, ref, state);
  const bodies = events.map(({ event }) => event);
  const above = await tellAncestors(deps, ancestors, bodies);
  return {
    events,
    approvalIds: approvals.map(({ id }) => id),
    batch: mergeBatches(...approvals.map(({ batch }) => batch), above.batch),
    preconditions: above.preconditions,
    afterCommit: () => {
      for (const id of above.touched) deps.hub.changed(id);
    },
  };
}

type Making = { readonly ref: ExecutionRef; readonly state: ExecutionState; readonly question: ApprovalQuestion };

function newApproval(
  { resources }: EndingDeps,
  { ref, state, question }: Making,
): { readonly id: string; readonly approval: Approval; readonly batch: Batch } {
  const kind = requireKind(resources.kinds, "Approval");
  const id = resources.ids.mint(kind.options.idPrefix);
  const now = resources.clock.now();
  const expiry = expiryOf(state, now);
  const approval = create(ApprovalSchema, {
    apiVersion: kind.apiVersion,
    kind: "Approval",
    metadata: {
      ...{ id, name: id.toLowerCase().replace("_", "-"), org: ref.org, generation: 1n, createdBy: "system" },
      ...{ createTime: timestampFromMs(now), updateTime: timestampFromMs(now) },
    },
    spec: create(ApprovalSpecSchema, {
      ...question,
      ...{ executionId: ref.id, agent: state.created?.agent ?? "" },
      rootExecutionId: state.created?.parent?.rootExecutionId ?? "",
      ...(expiry && { expireTime: timestampFromMs(expiry.at), onExpiry: expiry.onExpiry }),
    }),
    status: create(ApprovalStatusSchema),
  });
  const timers = expiry ? [timerTask(approvalTimer({ org: ref.org, id }), expiry.at)] : [];
  return { id, approval, batch: { puts: [toRow(kind, ref.org, approval as Resource)], tasks: timers } };
}

function expiryOf({ created }: ExecutionState, now: number) {
  const { timeout, onTimeout } = created?.spec?.approvals ?? {};
  if (!timeout) return undefined;
  const ms = Number(timeout.seconds) * 1000 + Math.round(timeout.nanos / 1e6);
  return { at: now + ms, onExpiry: onTimeout || ApprovalExpiry.DENY };
}
