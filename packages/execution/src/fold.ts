import { create } from "@bufbuild/protobuf";
import { type Timestamp, timestampFromMs } from "@bufbuild/protobuf/wkt";
import {
  type AgentExecutionStatus,
  AgentExecutionStatusSchema,
  ApprovalDecision,
  type ApprovalSpec,
  type ExecutionCreated,
  type ExecutionEvent,
  type ModelCallFinished,
  ExecutionPhase as Phase,
  type ToolDefinition,
  type ToolResult,
  UsageSchema,
} from "@stigmer/contracts/agentic";

/** What a step came to. */
export type Outcome =
  | { readonly kind: "model"; readonly finished: ModelCallFinished }
  | { readonly kind: "tool"; readonly result: ToolResult };

/** The newest question about a step. */
export type StepApproval = {
  readonly id: string;
  readonly spec: ApprovalSpec;
  /** Attempt that was open when it was asked; 0 where none had begun. */
  readonly attempt: number;
  decision: ApprovalDecision;
  comment: string;
};

/** What the journal says of one step. Begun without an outcome, and nobody working on it: it is uncertain. */
export type StepState = {
  /** Hex of the request's digest; empty until an intent or an outcome was recorded. */
  digest: string;
  /** Tries that have begun. */
  attempt: number;
  /** Runner that the newest try was handed to; empty for a model call. */
  runner: string;
  outcome: Outcome | undefined;
  approval: StepApproval | undefined;
};

/** What the journal says of an execution. */
export type ExecutionState = {
  readonly id: string;
  sequence: number;
  created: ExecutionCreated | undefined;
  status: AgentExecutionStatus;
  tools: readonly ToolDefinition[] | undefined;
  readonly steps: Map<string, StepState>;
  /** Message hashes of the newest model call, and its answer: together the conversation so far. */
  conversation: { hashes: readonly Uint8Array[]; finished: ModelCallFinished | undefined };
};

const FINAL: ReadonlySet<Phase> = new Set([Phase.SUCCEEDED, Phase.FAILED, Phase.CANCELLED, Phase.TERMINATED]);

/** Whether nothing can happen in this phase any more. */
export function isFinal(phase: Phase): boolean {
  return FINAL.has(phase);
}

/** An execution of which nothing is known yet. */
export function emptyState(id: string): ExecutionState {
  return {
    id,
    sequence: 0,
    created: undefined,
    status: create(AgentExecutionStatusSchema, { usage: create(UsageSchema) }),
    tools: undefined,
    steps: new Map(),
    conversation: { hashes: [], finished: undefined },
  };
}

/** Adds one event to what is known. Changes the state in place; the order is the journal's. */
export function foldEvent(state: ExecutionState, event: ExecutionEvent, sequence: number): void {
  state.sequence = sequence;
  foldStatus(state.status, event, sequence);
  foldStep(state, event);
}

/** Adds one event to a status. */
export function foldStatus(status: AgentExecutionStatus, { event, time }: ExecutionEvent, sequence: number): void {
  status.sequence = BigInt(sequence);
  switch (event.case) {
    case "created":
      status.sessionId = event.value.sessionId;
      status.model = event.value.model;
      status.agentRevision = event.value.agentRevision;
      break;
    case "phaseChanged":
      foldPhase(status, event.value.phase, time);
      status.output = event.value.output;
      if (event.value.error) status.error = event.value.error;
      break;
    case "modelCallFinished":
      status.turns += 1;
      addUsage(status, event.value);
      break;
    case "approvalRequested":
      status.approvalId = event.value.approvalId;
      break;
    case "approvalDecided":
      status.approvalId = "";
      break;
  }
}

function foldPhase(status: AgentExecutionStatus, phase: Phase, time: Timestamp | undefined): void {
  status.phase = phase;
  const at = time ?? timestampFromMs(0);
  if (phase === Phase.RUNNING) status.startTime ??= at;
  if (isFinal(phase)) status.endTime = at;
}

function addUsage(status: AgentExecutionStatus, { usage }: ModelCallFinished): void {
  const total = status.usage ?? create(UsageSchema);
  total.inputTokens += usage?.inputTokens ?? 0n;
  total.outputTokens += usage?.outputTokens ?? 0n;
  total.cachedInputTokens += usage?.cachedInputTokens ?? 0n;
  status.usage = total;
}

function foldStep(state: ExecutionState, { event, stepKey, attempt }: ExecutionEvent): void {
  switch (event.case) {
    case "created":
      state.created = event.value;
      break;
    case "toolsListed":
      state.tools = event.value.tools;
      break;
    case "modelCallStarted":
      Object.assign(stepAt(state, stepKey), { digest: hex(event.value.requestDigest), attempt, runner: "" });
      state.conversation = { hashes: event.value.messageHashes, finished: undefined };
      break;
    case "modelCallFinished":
      stepAt(state, stepKey).outcome = { kind: "model", finished: event.value };
      state.conversation.finished = event.value;
      break;
    case "toolCallStarted":
      Object.assign(stepAt(state, stepKey), {
        digest: hex(event.value.requestDigest),
        attempt,
        runner: event.value.runner,
      });
      break;
    case "toolCallFinished":
      if (event.value.result) stepAt(state, stepKey).outcome = { kind: "tool", result: event.value.result };
      stepAt(state, stepKey).digest = hex(event.value.requestDigest);
      break;
    case "approvalRequested":
      if (event.value.spec) askStep(stepAt(state, stepKey), event.value.approvalId, event.value.spec);
      break;
    case "approvalDecided":
      decideStep(stepAt(state, stepKey), event.value.decision, event.value.comment);
      break;
  }
}

function askStep(step: StepState, id: string, spec: ApprovalSpec): void {
  step.approval = { id, spec, attempt: step.attempt, decision: ApprovalDecision.UNSPECIFIED, comment: "" };
}

function decideStep(step: StepState, decision: ApprovalDecision, comment: string): void {
  if (step.approval) Object.assign(step.approval, { decision, comment });
}

function stepAt(state: ExecutionState, key: string): StepState {
  const known = state.steps.get(key);
  if (known) return known;
  const step: StepState = { digest: "", attempt: 0, runner: "", outcome: undefined, approval: undefined };
  state.steps.set(key, step);
  return step;
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
