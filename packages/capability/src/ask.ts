import { ApprovalCause, ExecutionPhase as Phase, type ToolDefinition } from "@stigmer/contracts/agentic";
import { type ApprovalQuestion, askPeople, type ExecutionState, type Verdict } from "@stigmer/execution";
import { canonicalJson, type Json, textDigest } from "@stigmer/resource";
import type { AskedCall } from "./asked-call.ts";
import type { CapabilityDeps } from "./deps.ts";

/** A call that a person is asked about. */
export type Question = {
  readonly stepKey: string;
  readonly tool: ToolDefinition;
  readonly value: Record<string, Json>;
  readonly digest: string;
  readonly cause: ApprovalCause;
  /** What the person is told besides; absent where the call speaks for itself. */
  readonly message?: string;
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
  const { asked, state } = of;
  const questions = of.questions.map(wordsOf);
  const { approvalIds, ...rest } = await askPeople(deps, { ref: asked, epoch: asked.epoch, state, questions });
  return { kind: "park", approvalId: approvalIds[0] ?? "", phase: Phase.WAITING_FOR_APPROVAL, ...rest };
}

function wordsOf({ stepKey, tool, value, digest, cause, message = "" }: Question): ApprovalQuestion {
  return {
    ...{ stepKey, tool: tool.tool, server: tool.server, arguments: JSON.stringify(value) },
    ...{ cause, definitionDigest: tool.digest, digest, toolDescription: tool.description },
    ...{ inputSchema: tool.inputSchema, message },
  };
}

/** Why a person is asked about a call. */
export function causeOf({
  isUncertain,
  changed,
}: {
  readonly isUncertain: boolean;
  readonly changed: boolean;
}): ApprovalCause {
  if (isUncertain) return ApprovalCause.UNCERTAIN;
  return changed ? ApprovalCause.CHANGED : ApprovalCause.POLICY;
}
