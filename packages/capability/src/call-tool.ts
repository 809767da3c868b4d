import { create } from "@bufbuild/protobuf";
import { unavailable } from "@stigmer/base";
import { ToolCallStartedSchema, type ToolDefinition, ToolResultSchema } from "@stigmer/contracts/agentic";
import { type CallToolRequest, type CallToolResponse, CallToolResponseSchema } from "@stigmer/contracts/capability";
import {
  type Claim,
  type Connection,
  callKey,
  type ExecutionState,
  type StepState,
  type Verdict,
} from "@stigmer/execution";
import type { Call } from "@stigmer/resource";
import { checkArguments } from "./arguments.ts";
import { approvalDigest, askPerson } from "./ask.ts";
import { type AskedCall, askedCall } from "./asked-call.ts";
import type { CapabilityDeps } from "./deps.ts";
import { acknowledge, dispatch, finished, hostFor, mayComeBack } from "./dispatch.ts";
import { acceptedEffects, asksFirst, mayRetry } from "./policy.ts";

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
  const claim = await deps.steps.claim(asked, {
    judge: (state, step) => judge(deps, { asked, state, step, host }),
    perform: (step, state) => dispatch(deps, { step, state, asked, host }),
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
};

async function judge(deps: CapabilityDeps, judging: Judging): Promise<Verdict> {
  const { asked, state, step } = judging;
  const tool = state.tools?.find(({ name }) => name === asked.call.name);
  if (!tool)
    return refuse(asked, `there is no tool ${JSON.stringify(asked.call.name)}; the tools are: ${namesOf(state)}`);
  const checked = checkArguments(asked.call.arguments, tool.inputSchema);
  if (!checked.ok) return refuse(asked, checked.problem);
  const digest = approvalDigest({ asked, tool, state, value: checked.value });
  const effects = await acceptedEffects(deps, asked.org, tool);
  const approval = step?.approval?.spec.digest === digest ? step.approval : undefined;
  const open = step !== undefined && step.attempt > 0;
  const answered = approval && approval.attempt === step?.attempt ? DECISIONS[approval.decision] : undefined;
  if (answered === "waiting") return { kind: "parked", approvalId: approval?.id ?? "" };
  if (answered === "rejected") return refuse(asked, rejection(approval?.comment ?? "", open));
  if (answered === "approved") return perform(judging, tool);
  const call = { executionId: asked.id, stepKey: asked.stepKey, attempt: step?.attempt ?? 0 };
  if (open && deps.runners.calls.get(callKey(call))) return { kind: "resume" };
  const ask = open ? !mayRetry(effects) : asksFirst(effects);
  return ask ? askPerson(deps, { asked, tool, digest, value: checked.value, uncertain: open }) : perform(judging, tool);
}

const DECISIONS = ["waiting", "approved", "rejected", "rejected"] as const;

function perform({ asked, host }: Judging, tool: ToolDefinition): Verdict {
  if (!host) throw unavailable("RUNNER_NOT_CONNECTED", {}, { message: "no runner that hosts tools is connected" });
  const value = create(ToolCallStartedSchema, {
    requestDigest: asked.digestBytes,
    call: asked.call,
    server: tool.server,
    runner: host.name,
  });
  return { kind: "perform", intent: { case: "toolCallStarted", value } };
}

function refuse(asked: AskedCall, content: string): Verdict {
  const result = create(ToolResultSchema, { callId: asked.call.id, content, isError: true });
  return { kind: "settle", outcome: finished(asked, result, 0) };
}

function rejection(comment: string, uncertain: boolean): string {
  const said = comment ? `: ${comment}` : "";
  if (!uncertain) return `a person rejected this call${said}`;
  return `the answer to this call was lost, so it may have had its effect; a person decided not to make it again${said}`;
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
