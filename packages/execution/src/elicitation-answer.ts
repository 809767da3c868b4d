import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  type Approval,
  ApprovalCause,
  ApprovalDecision,
  ElicitationAction,
  type ElicitationAnswerSchema,
} from "@stigmer/contracts/agentic";
import type { ExecutionRef } from "./execution-ref.ts";
import { type Connection, type Runners, sendTo } from "./runners.ts";
import type { ExecutionState } from "./state.ts";

type Reply = Pick<MessageInitShape<typeof ElicitationAnswerSchema>, "action" | "content">;

/** Nobody answers. */
export const NOBODY: Reply = { action: ElicitationAction.CANCEL, content: "" };

/** What a tool server is told of a decision. */
export function replyOf({
  decision,
  content,
}: {
  readonly decision: ApprovalDecision;
  readonly content: string;
}): Reply {
  if (decision === ApprovalDecision.APPROVED) return { action: ElicitationAction.ACCEPT, content };
  if (decision === ApprovalDecision.REJECTED) return { action: ElicitationAction.DECLINE, content: "" };
  return NOBODY;
}

/** Tells the runner that makes the call what was decided; one that is away asks again when it is back. */
export function tellRunner(
  runners: Runners,
  { org, id }: ExecutionRef,
  of: { readonly state: ExecutionState; readonly approval: Approval },
): void {
  const { spec, status } = of.approval;
  if (spec?.cause !== ApprovalCause.ELICITATION || !status) return;
  if (status.decision === ApprovalDecision.WITHDRAWN) return; // nobody waits for it any more
  const { stepKey, elicitationId } = spec;
  const step = of.state.steps.get(stepKey);
  const connection: Connection | undefined = step?.runner ? runners.named(org, step.runner) : undefined;
  if (!connection || !step) return;
  const call = { executionId: id, stepKey, attempt: step.attempt };
  const reply = replyOf({ decision: status.decision, content: status.arguments });
  sendTo(connection, { case: "elicitationAnswer", value: { call, elicitationId, ...reply } });
}
