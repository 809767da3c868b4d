import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { type Approval, type ApprovalDecision, ApprovalScope, ApprovalStatusSchema } from "@stigmer/contracts/agentic";
import { metadataOf, type Resource } from "@stigmer/resource";

export type ApprovalAnswer = {
  readonly decision: ApprovalDecision;
  readonly by: string;
  readonly comment: string;
  readonly now: number;
  readonly scope?: ApprovalScope;
  /** JSON; empty or absent means as asked. */
  readonly arguments?: string;
};

/** Writes an answer into an approval. */
export function answerApproval(approval: Resource & Approval, answer: ApprovalAnswer): void {
  const decideTime = timestampFromMs(answer.now);
  const { decision, by: decidedBy, comment, scope = ApprovalScope.UNSPECIFIED, arguments: edited = "" } = answer;
  const { escalateTime } = approval.status ?? {};
  approval.status = create(ApprovalStatusSchema, {
    ...{ decision, decidedBy, comment, decideTime, scope, arguments: edited },
    ...(escalateTime && { escalateTime }),
  });
  Object.assign(metadataOf(approval), { updateTime: decideTime, updatedBy: decidedBy, resourceVersion: "" });
}
