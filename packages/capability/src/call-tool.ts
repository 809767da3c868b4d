import { create } from "@bufbuild/protobuf";
import { unavailable } from "@stigmer/base";
import {
  ApprovalCause,
  ApprovalDecision,
  ToolCallSchema,
  ToolCallStartedSchema,
  type ToolDefinition,
} from "@stigmer/contracts/agentic";
import {
  type CallToolRequest,
  type CallToolResponse,
  CallToolResponseSchema,
  type PlannedCall,
} from "@stigmer/contracts/capability";
import {
  type CallKey,
  CallParked,
  type Claim,
  type Connection,
  callKey,
  closeElicitations,
  type ExecutionState,
  type StepApproval,
  type StepState,
  type Verdict,
} from "@stigmer/execution";
import type { Call, Json } from "@stigmer/resource";
import { checkArguments } from "./arguments.ts";
import { approvalDigest, askPerson, causeOf, type Question } from "./ask.ts";
import { type AskedCall, askedCall } from "./asked-call.ts";
import { delegate } from "./delegate.ts";
import type { CapabilityDeps } from "./deps.ts";
import { acknowledge, dispatch, hostFor, mayComeBack } from "./dispatch.ts";
import { judgeOwn } from "./own-tools.ts";
import { BARRED, isBarred } from "./plan-mode.ts";
import { mayRetry, mustAskFirst, standingOf } from "./policy.ts";
import { refuse } from "./refuse.ts";
import { serverStart, useOf } from "./server-use.ts";
import { ToolMoved } from "./tool-moved.ts";
import { waits } from "./waits.ts";

/** Checks, asks, records the intent, hands the call to a runner, records the outcome: each before the next. */
export async function* callTool(
  deps: CapabilityDeps,
  request: CallToolRequest,
  call: Call,
): AsyncIterable<CallToolResponse> {
  const asked = await askedCall(deps, request, call);
  await deps.executions.requireLease(asked, asked);
  await mayComeBack(deps, asked, call.signal);
  await closeLost(deps, asked);
  const host = await hostFor(deps, asked, call.signal);
  const { planned } = asked;
  yield create(CallToolResponseSchema, { message: await answer(deps, { asked, host, planned, call }) });
}

/** What a tool server asked a person in a call that is lost needs no answer: the call is asked about anew. */
async function closeLost(deps: CapabilityDeps, asked: AskedCall): Promise<void> {
  const { steps } = await deps.executions.load(asked);
  const step = steps.get(asked.stepKey);
  if (!step?.elicitations.some(isUndecided)) return;
  const call = keyOf(asked, step);
  if (!deps.runners.calls.get(callKey(call))) await closeElicitations(deps, asked, call);
}

type Answering = {
  readonly asked: AskedCall;
  readonly host: Connection | undefined;
  readonly planned: readonly PlannedCall[];
  readonly call: Call;
};

type Answer = NonNullable<NonNullable<Parameters<typeof create<typeof CallToolResponseSchema>>[1]>["message"]>;

/** How often a call is judged anew because its tool has changed meanwhile, or its runner is gone. */
const MOST_JUDGED = 3;

async function answer(deps: CapabilityDeps, answering: Answering): Promise<Answer> {
  const { asked, call } = answering;
  let { host } = answering;
  for (let count = 1, unstarted = 0, mayRenew = true; ; count++) {
    const made: Made = { arguments: asked.said, tool: undefined, isMade: false };
    const isLast = count >= MOST_JUDGED;
    const claim = await deps.steps.claim(asked, {
      judge: (state, step) => judge(deps, { ...answering, host, state, step, made, unstarted, isLast }),
      perform: (step, state) => dispatch(deps, { step, state, asked, host, mayRenew, ...made }),
      recorded: (step) => acknowledge(deps, host, keyOf(asked, step)),
    });
    try {
      return await answerOf(claim);
    } catch (error) {
      if (error instanceof CallParked) return { case: "parked", value: { approvalId: error.approvalId } };
      if (!(error instanceof ToolMoved)) throw error;
      acknowledge(deps, host, keyOf(asked, error));
      unstarted = error.attempt;
      mayRenew &&= error.what !== "token";
      if (error.what === "runner") host = await hostFor(deps, asked, call.signal);
    }
  }
}

/** What a call is made with. */
type Made = {
  /** The model's arguments, unless a person has put others in their place. */
  arguments: string;
  tool: ToolDefinition | undefined;
  /** A runner makes it already. */
  isMade: boolean;
};

type Judging = Answering & {
  readonly state: ExecutionState;
  readonly step: StepState | undefined;
  readonly made: Made;
  /** A try that surely has not reached the tool, 0 where none is known. */
  readonly unstarted: number;
  readonly isLast: boolean;
};

async function judge(deps: CapabilityDeps, judging: Judging): Promise<Verdict> {
  const { asked, state, step } = judging;
  judging.made.isMade = false;
  const listed = toolOf(state, asked.call.name);
  if (!listed)
    return refuse(asked, `there is no tool ${JSON.stringify(asked.call.name)}; the tools are: ${namesOf(state)}`);
  const tool = await currentTool(deps, { org: asked.org, state, listed });
  if (!tool) return refuse(asked, `the tool's server no longer has the tool ${JSON.stringify(listed.tool)}`);
  const checked = checkArguments(asked.said, tool.inputSchema);
  if (!checked.ok) return refuse(asked, checked.problem);
  const isMasked = asked.said !== asked.call.arguments;
  const value = isMasked ? (JSON.parse(asked.call.arguments) as Record<string, Json>) : checked.value;
  if (tool.agent) return await delegate(deps, { asked, state, step, agent: tool.agent, value, call: judging.call });
  if (tool.server === "") return await judgeOwn(deps, { asked, state, step, tool, value });
  const hasBegun = step !== undefined && step.attempt > 0 && step.attempt !== judging.unstarted;
  if (isBarred(state, tool) && !hasBegun) return refuse(asked, BARRED);
  return await judgeCall(deps, judging, { tool, value });
}

type Listed = { readonly org: string; readonly state: ExecutionState; readonly listed: ToolDefinition };

/** The tool as its server describes it by now, as far as that is known; undefined where it has it no longer. */
async function currentTool(deps: CapabilityDeps, { org, state, listed }: Listed): Promise<ToolDefinition | undefined> {
  const server = state.created?.servers.find(({ name }) => name === listed.server);
  if (!server) return listed;
  const tools = await deps.listings.newest(org, await serverStart(deps, useOf(org, state, server)));
  if (!tools) return listed;
  const current = tools.find(({ tool }) => tool === listed.tool);
  return current && { ...current, name: listed.name };
}

type Checked = { readonly tool: ToolDefinition; readonly value: Record<string, Json> };

async function judgeCall(deps: CapabilityDeps, judging: Judging, { tool, value }: Checked): Promise<Verdict> {
  const { asked, state, step } = judging;
  judging.made.tool = tool;
  const known = await answered(deps, judging, { tool, value });
  if (known) return known;
  const isOpen = step !== undefined && step.attempt > 0 && step.attempt !== judging.unstarted;
  const isOwed = step !== undefined && deps.runners.calls.get(callKey(keyOf(asked, step))) !== undefined;
  judging.made.isMade = isOpen && isOwed;
  if (judging.made.isMade) return { kind: "resume" };
  if (judging.isLast) return refuse(asked, "the tool or its runner keeps changing; the call was not made");
  const standing = await standingOf(deps, asked.org, tool);
  const mustAsk = isOpen ? !mayRetry(standing) : mustAskFirst(state, tool, standing);
  if (!mustAsk) return perform(judging, tool);
  const edited = isOpen && step.approval?.arguments;
  const shown = edited ? (JSON.parse(edited) as Record<string, Json>) : value;
  const digest = digestOf(judging, { tool, value });
  const cause = causeOf({ isUncertain: isOpen, changed: standing.changed });
  const question = { stepKey: asked.stepKey, tool, value: shown, digest, cause };
  return await askPerson(deps, { asked, state, questions: [question, ...(await plannedQuestions(deps, judging))] });
}

/** What becomes of a call about which a person was asked; undefined where nobody was, or about another tool than it is now. */
async function answered(deps: CapabilityDeps, judging: Judging, checked: Checked): Promise<Verdict | undefined> {
  const { asked, state, step } = judging;
  if (!step) return undefined;
  const asking = step.elicitations.find(isUndecided);
  if (asking && deps.runners.calls.get(callKey(keyOf(asked, step)))) return waits(state, asking.id);
  const { approval } = step;
  if (!approval || !isOfThisTry(step, approval, judging.unstarted)) return undefined;
  if (isUndecided(approval)) return waits(state, approval.id);
  if (approval.spec.digest !== digestOf(judging, checked)) return undefined;
  if (approval.decision !== ApprovalDecision.APPROVED) return decline(asked, approval);
  const isMasked = asked.said !== asked.call.arguments;
  judging.made.arguments = approval.arguments || (isMasked ? asked.said : approval.spec.arguments);
  return perform(judging, checked.tool);
}

/** What a person said counts for one try, and for the next one where that one surely has not reached the tool. */
function isOfThisTry({ attempt }: StepState, approval: StepApproval, unstarted: number): boolean {
  return approval.attempt === attempt || (attempt === unstarted && approval.attempt === attempt - 1);
}

function digestOf({ asked, state }: Judging, { tool, value }: Checked): string {
  return approvalDigest({ executionId: asked.id, stepKey: asked.stepKey, tool, state, value });
}

function isUndecided({ decision }: { readonly decision: ApprovalDecision }): boolean {
  return decision === ApprovalDecision.UNSPECIFIED;
}

function keyOf({ id, stepKey }: AskedCall, { attempt }: { readonly attempt: number }): CallKey {
  return { executionId: id, stepKey, attempt };
}

/** Calls of the same turn that a person has to be asked about as well. */
async function plannedQuestions(deps: CapabilityDeps, { asked, state, planned }: Judging): Promise<Question[]> {
  const questions: Question[] = [];
  for (const { stepKey, call } of planned) {
    const listed = call && toolOf(state, call.name);
    const tool = listed && (await currentTool(deps, { org: asked.org, state, listed }));
    if (!call || !tool || tool.server === "" || stepKey === asked.stepKey || state.steps.has(stepKey)) continue;
    if (isBarred(state, tool)) continue;
    if (questions.some((question) => question.stepKey === stepKey)) continue;
    const checked = checkArguments(call.arguments, tool.inputSchema);
    const standing = await standingOf(deps, asked.org, tool);
    if (!checked.ok || !mustAskFirst(state, tool, standing)) continue;
    const { value } = checked;
    const digest = approvalDigest({ executionId: asked.id, stepKey, tool, state, value });
    questions.push({ stepKey, tool, value, digest, cause: causeOf({ isUncertain: false, changed: standing.changed }) });
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

/** What the model is told of a call that a person did not want to be made. */
function decline(asked: AskedCall, { decision, comment, spec }: StepApproval): Verdict {
  const said = comment ? `: ${comment}` : "";
  if (spec.cause === ApprovalCause.UNCERTAIN) {
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

async function answerOf(claim: Claim): Promise<Answer> {
  if (claim.kind === "parked") return { case: "parked", value: { approvalId: claim.approvalId } };
  if (claim.kind === "done" && claim.outcome.kind === "tool") return { case: "result", value: claim.outcome.result };
  const event = claim.kind === "live" ? await claim.step.outcome : undefined;
  if (event?.case === "toolCallFinished" && event.value.result) return { case: "result", value: event.value.result };
  throw new Error("a tool call did not end as one");
}
