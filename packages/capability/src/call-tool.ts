import { create } from "@bufbuild/protobuf";
import { unavailable } from "@stigmer/base";
import {
  ApprovalDecision,
  ToolCallSchema,
  ToolCallStartedSchema,
  type ToolDefinition,
  ToolResultSchema,
} from "@stigmer/contracts/agentic";
import {
  type CallToolRequest,
  type CallToolResponse,
  CallToolResponseSchema,
  type PlannedCall,
} from "@stigmer/contracts/capability";
import {
  type Claim,
  type Connection,
  callKey,
  type ExecutionState,
  type StepApproval,
  type StepState,
  type Verdict,
} from "@stigmer/execution";
import type { Call, Json } from "@stigmer/resource";
import { checkArguments } from "./arguments.ts";
import { approvalDigest, askPerson, causeOf, type Question } from "./ask.ts";
import { askUser } from "./ask-user.ts";
import { type AskedCall, askedCall } from "./asked-call.ts";
import { delegate } from "./delegate.ts";
import type { CapabilityDeps } from "./deps.ts";
import { acknowledge, dispatch, finished, hostFor, mayComeBack } from "./dispatch.ts";
import { acceptedEffects, asksFirst, isGranted, mayRetry } from "./policy.ts";
import { waits } from "./waits.ts";

/** Checks, asks, records the intent, hands the call to a runner, records the outcome: each before the next. */
export async function* callTool(
  deps: CapabilityDeps,
  request: CallToolRequest,
  call: Call,
): AsyncIterable<CallToolResponse> {
  const asked = askedCall(request, call);
  await deps.executions.requireLease(asked, asked);
  await mayComeBack(deps, asked, call.signal);
  const host = await hostFor(deps, asked, call.signal);
  const made = { arguments: asked.call.arguments };
  const claim = await deps.steps.claim(asked, {
    judge: (state, step) => judge(deps, { asked, state, step, host, made, planned: request.planned, call }),
    perform: (step, state) => dispatch(deps, { step, state, asked, host, arguments: made.arguments }),
    recorded: (step) =>
      acknowledge(deps, host, { executionId: asked.id, stepKey: asked.stepKey, attempt: step.attempt }),
  });
  yield create(CallToolResponseSchema, { message: await answerOf(claim) });
}

type Judging = {
  readonly asked: AskedCall;
  readonly state: ExecutionState;
  readonly step: StepState | undefined;
  readonly host: Connection | undefined;
  /** Arguments with which the call is made: the model's, unless a person has put others in their place. */
  readonly made: { arguments: string };
  readonly planned: readonly PlannedCall[];
  readonly call: Call;
};

async function judge(deps: CapabilityDeps, judging: Judging): Promise<Verdict> {
  const { asked, state, step } = judging;
  const tool = toolOf(state, asked.call.name);
  if (!tool)
    return refuse(asked, `there is no tool ${JSON.stringify(asked.call.name)}; the tools are: ${namesOf(state)}`);
  const checked = checkArguments(asked.call.arguments, tool.inputSchema);
  if (!checked.ok) return refuse(asked, checked.problem);
  const { value } = checked;
  if (tool.agent) return await delegate(deps, { asked, state, step, agent: tool.agent, value, call: judging.call });
  if (tool.server === "") return askUser({ asked, state, step, value });
  return await judgeCall(deps, judging, { tool, value });
}

type Checked = { readonly tool: ToolDefinition; readonly value: Record<string, Json> };

async function judgeCall(deps: CapabilityDeps, judging: Judging, { tool, value }: Checked): Promise<Verdict> {
  const { asked, state, step } = judging;
  const digest = approvalDigest({ executionId: asked.id, stepKey: asked.stepKey, tool, state, value });
  const isOpen = step !== undefined && step.attempt > 0;
  const approval = step?.approval;
  const isAnswer = approval !== undefined && approval.spec.digest === digest && approval.attempt === step?.attempt;
  if (isAnswer && approval.decision === ApprovalDecision.UNSPECIFIED) return waits(state, approval.id);
  if (isAnswer && approval.decision === ApprovalDecision.APPROVED) {
    judging.made.arguments = approval.arguments || approval.spec.arguments;
    return perform(judging, tool);
  }
  if (isAnswer) return decline(asked, approval, isOpen);
  const call = { executionId: asked.id, stepKey: asked.stepKey, attempt: step?.attempt ?? 0 };
  if (isOpen && deps.runners.calls.get(callKey(call))) return { kind: "resume" };
  const effects = await acceptedEffects(deps, asked.org, tool);
  const mustAsk = isOpen ? !mayRetry(effects) : asksFirst(effects) && !isGranted(state, tool);
  if (!mustAsk) return perform(judging, tool);
  const shown = isOpen && approval?.arguments ? (JSON.parse(approval.arguments) as Record<string, Json>) : value;
  const question = { stepKey: asked.stepKey, tool, value: shown, digest, cause: causeOf(isOpen) };
  return await askPerson(deps, { asked, state, questions: [question, ...(await plannedQuestions(deps, judging))] });
}

/** Calls of the same turn that a person has to be asked about as well. */
async function plannedQuestions(deps: CapabilityDeps, { asked, state, planned }: Judging): Promise<Question[]> {
  const questions: Question[] = [];
  for (const { stepKey, call } of planned) {
    const tool = call && toolOf(state, call.name);
    if (!call || !tool || tool.server === "" || stepKey === asked.stepKey || state.steps.has(stepKey)) continue;
    if (questions.some((question) => question.stepKey === stepKey)) continue;
    const checked = checkArguments(call.arguments, tool.inputSchema);
    const asks = asksFirst(await acceptedEffects(deps, asked.org, tool)) && !isGranted(state, tool);
    if (!checked.ok || !asks) continue;
    const { value } = checked;
    const digest = approvalDigest({ executionId: asked.id, stepKey, tool, state, value });
    questions.push({ stepKey, tool, value, digest, cause: causeOf(false) });
  }
  return questions;
}

function toolOf({ tools }: ExecutionState, called: string): ToolDefinition | undefined {
  return tools?.find(({ name }) => name === called);
}

function perform({ asked, host, made }: Judging, tool: ToolDefinition): Verdict {
  if (!host) throw unavailable("RUNNER_NOT_CONNECTED", {}, { message: "no runner that hosts tools is connected" });
  const value = create(ToolCallStartedSchema, {
    requestDigest: asked.digestBytes,
    call: create(ToolCallSchema, { ...asked.call, arguments: made.arguments }),
    server: tool.server,
    runner: host.name,
  });
  return { kind: "perform", intent: { case: "toolCallStarted", value } };
}

function refuse(asked: AskedCall, content: string, isError = true): Verdict {
  const result = create(ToolResultSchema, { callId: asked.call.id, content, isError });
  return { kind: "settle", outcome: finished(asked, result, 0) };
}

/** What the model is told of a call that a person did not want to be made. */
function decline(asked: AskedCall, { decision, comment }: StepApproval, isUncertain: boolean): Verdict {
  const said = comment ? `: ${comment}` : "";
  if (isUncertain) {
    const text = `the answer to this call was lost, so it may have had its effect; it is not made again${said}`;
    return refuse(asked, text);
  }
  if (decision === ApprovalDecision.SKIPPED)
    return refuse(asked, `a person skipped this call; go on without it${said}`, false);
  if (decision === ApprovalDecision.EXPIRED)
    return refuse(asked, "nobody approved this call in time, so it was not made");
  return refuse(asked, `a person rejected this call${said}`);
}

function namesOf(state: ExecutionState): string {
  return state.tools?.map(({ name }) => name).join(", ") || "none";
}

type Answer = NonNullable<Parameters<typeof create<typeof CallToolResponseSchema>>[1]>["message"];

async function answerOf(claim: Claim): Promise<NonNullable<Answer>> {
  if (claim.kind === "parked") return { case: "parked", value: { approvalId: claim.approvalId } };
  if (claim.kind === "done" && claim.outcome.kind === "tool") return { case: "result", value: claim.outcome.result };
  const event = claim.kind === "live" ? await claim.step.outcome : undefined;
  if (event?.case === "toolCallFinished" && event.value.result) return { case: "result", value: event.value.result };
  throw new Error("a tool call did not end as one");
}
