import { create } from "@bufbuild/protobuf";
import {
  ApprovalCause,
  ApprovalDecision,
  PlanApprovedSchema,
  type ToolDefinition,
  ToolDefinitionSchema,
} from "@stigmer/contracts/agentic";
import type { StepApproval, Verdict } from "@stigmer/execution";
import { canonicalJson, textDigest } from "@stigmer/resource";
import { approvalDigest, askPerson } from "./ask.ts";
import type { CapabilityDeps } from "./deps.ts";
import type { OwnCall } from "./own-call.ts";
import { refuse } from "./refuse.ts";
import { waits } from "./waits.ts";

const SUBMIT_PLAN = "submit_plan";

const SCHEMA = {
  type: "object",
  properties: {
    plan: {
      type: "string",
      minLength: 1,
      maxLength: 65_536,
      description:
        "The whole plan, in Markdown: what you will do, step by step, and what you found out that speaks for it.",
    },
  },
  required: ["plan"],
  additionalProperties: false,
};

/** The tool by which an agent in plan mode asks a person to approve what it wants to do. */
export function submitPlanTool(): ToolDefinition {
  const said = {
    tool: SUBMIT_PLAN,
    description: "Submit your plan to a person and wait. Once it is approved, plan mode is over and you carry it out.",
    inputSchema: JSON.stringify(SCHEMA),
  };
  return create(ToolDefinitionSchema, { ...said, name: said.tool, digest: textDigest(canonicalJson(said)) });
}

/** Parks the execution until a person has decided on the plan. The commit of the step's outcome ends plan mode. */
export async function submitPlan(deps: CapabilityDeps, { asked, state, step, tool, value }: OwnCall): Promise<Verdict> {
  if (!state.status.planMode) return refuse(asked, "there is no need to: plan mode is over; go on with the plan");
  const { stepKey } = asked;
  const digest = approvalDigest({ executionId: asked.id, stepKey, tool, state, value });
  const approval = step?.approval?.spec.digest === digest ? step.approval : undefined;
  if (!approval) {
    const question = { stepKey, tool, value, digest, cause: ApprovalCause.PLAN, message: String(value.plan) };
    return await askPerson(deps, { asked, state, questions: [question] });
  }
  if (approval.decision === ApprovalDecision.UNSPECIFIED) return waits(state, approval.id);
  if (approval.decision !== ApprovalDecision.APPROVED) return refuse(asked, sentBack(approval), false);
  const changed = approval.arguments ? planIn(approval.arguments) : "";
  const approved = create(PlanApprovedSchema, { approvalId: approval.id, plan: changed || String(value.plan) });
  const outcome = refuse(asked, approvedText(approval, changed), false);
  return { ...outcome, beside: [{ case: "planApproved", value: approved }] };
}

function approvedText({ comment }: StepApproval, changed: string): string {
  const said = comment ? ` The person says: ${comment}` : "";
  const rule = changed
    ? `A person changed the plan and approved it like this; carry it out:\n\n${changed}`
    : "A person approved the plan; carry it out.";
  return `Plan mode is over. ${rule}${said && `\n\n${said.trim()}`}`;
}

function sentBack({ decision, comment }: StepApproval): string {
  const said = comment ? `: ${comment}` : "";
  if (decision === ApprovalDecision.EXPIRED) return "Nobody decided on the plan in time. You are still in plan mode.";
  return `A person did not approve the plan${said}. You are still in plan mode: change the plan and submit it again.`;
}

function planIn(edited: string): string {
  const { plan } = JSON.parse(edited) as { readonly plan?: unknown };
  return typeof plan === "string" ? plan : "";
}
