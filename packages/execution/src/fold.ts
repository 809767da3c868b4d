import { timestampMs } from "@bufbuild/protobuf/wkt";
import {
  ApprovalCause,
  type ApprovalDecided,
  ApprovalDecision,
  type ApprovalRequested,
  ApprovalScope,
  type ExecutionEvent,
  type HistoryBound,
  type ModelCallStarted,
} from "@stigmer/contracts/agentic";
import { foldStatus } from "./fold-status.ts";
import { foldWork } from "./fold-work.ts";
import { addKey, newKeyFilter } from "./key-filter.ts";
import { type BoundHistory, type ExecutionState, type Grant, isFinal, type Outcome, type StepState } from "./state.ts";

/** Steps with an outcome that a state holds, at most, and the bytes that they may have together. */
const MOST_FINISHED = 64;
const MOST_FINISHED_BYTES = 256 * 1024;
const MOST_FAILED = 16;
/** While it works, an execution's record is brought up to date this often; its phase and what it waits for are always. */
export const PROGRESS_EVERY_MS = 1_000;
const MOST_GRANTS = 256;

const NEW_STEP: StepState = {
  ...{ digest: "", attempt: 0, runner: "", child: "", callId: "", tool: "", own: false, repeat: false },
  ...{ outcome: undefined, approval: undefined, elicitations: [] },
};

/** Adds one event to what is known. Changes the state in place; the order is the journal's. */
export function foldEvent(state: ExecutionState, event: ExecutionEvent, sequence: number): void {
  state.sequence = sequence;
  state.epoch = Math.max(state.epoch, Number(event.epoch));
  foldWork(state, event);
  foldStatus(state.status, event, sequence);
  noteRecord(state, event);
  foldRest(state, event);
}

/** How long what was used has not been recorded is told by the journal alone, so that every reader comes to the same. */
function noteRecord(state: ExecutionState, { event, time }: ExecutionEvent): void {
  const at = time ? timestampMs(time) : 0;
  const isDue = event.case === "modelCallFinished" && at - state.recordedAt >= PROGRESS_EVERY_MS;
  if (event.case === "phaseChanged" || isDue) state.recordedAt = at;
}

function foldRest(state: ExecutionState, event: ExecutionEvent): void {
  const { event: body, stepKey } = event;
  switch (body.case) {
    case "created":
      state.created = body.value;
      break;
    case "leaseGranted":
      state.runner = body.value.runner;
      break;
    case "historyBound":
      state.history = historyOf(body.value);
      break;
    case "toolsListed":
      state.tools = body.value.tools;
      break;
    case "phaseChanged":
      state.phaseSince = event.time ? timestampMs(event.time) : 0;
      if (isFinal(body.value.phase)) state.cancelling = undefined;
      break;
    case "cancelRequested":
      state.cancelling = { by: body.value.by, comment: body.value.comment };
      break;
    case "lateMessage":
      state.lateMessages += 1;
      break;
    case "retried":
      for (const key of body.value.steps) reopen(state, key);
      state.failed = [];
      break;
    default:
      if (stepKey) foldStep(state, event);
  }
}

function foldStep(state: ExecutionState, event: ExecutionEvent): void {
  const { event: body, stepKey } = event;
  switch (body.case) {
    case "modelCallStarted":
      begin(state, event, body.value);
      foldModelCall(state, stepKey, body.value);
      break;
    case "toolCallStarted":
      Object.assign(begin(state, event, body.value), { runner: body.value.runner, tool: body.value.call?.name ?? "" });
      break;
    case "subAgentStarted":
      begin(state, event, body.value).child = body.value.executionId;
      break;
    case "inputRequested":
      begin(state, event, body.value);
      break;
    case "ownStepStarted":
      Object.assign(begin(state, event, body.value), { own: true, repeat: false });
      state.hasOwnSteps = true;
      break;
    case "approvalRequested":
      ask(state, stepKey, body.value);
      break;
    case "approvalDecided":
      decide(state, stepKey, body.value);
      break;
    default:
      foldOutcome(state, event);
  }
}

function historyOf({ messageHashes: hashes, tokens, contextWindow }: HistoryBound): BoundHistory {
  return { hashes, tokens: Number(tokens), contextWindow: Number(contextWindow) };
}

/** A summary is no part of the conversation. Whoever goes on after an overflow has done something about it: a retry leaves it as it is. */
function foldModelCall(
  state: ExecutionState,
  step: string,
  { messageHashes: hashes, compaction }: ModelCallStarted,
): void {
  state.failed = state.failed.filter((key) => key === step || !isOverflow(state.steps.get(key)?.outcome));
  if (!compaction) state.conversation = { step, hashes, finished: undefined };
}

function isOverflow(outcome: Outcome | undefined): boolean {
  return outcome?.kind === "model" && outcome.finished.error?.reason === "CONTEXT_OVERFLOW";
}

function begin(
  state: ExecutionState,
  { stepKey, attempt }: ExecutionEvent,
  { requestDigest, call }: { readonly requestDigest: Uint8Array; readonly call?: { readonly id: string } | undefined },
): StepState {
  const step = stepAt(state, stepKey);
  const begun = { digest: hex(requestDigest), attempt, runner: "", child: "", callId: call?.id ?? "", tool: "" };
  return Object.assign(step, { ...begun, elicitations: [] });
}

function ask(state: ExecutionState, stepKey: string, { approvalId: id, spec }: ApprovalRequested): void {
  if (spec?.executionId !== state.id) return; // a sub-agent's
  const step = stepAt(state, stepKey);
  const decision = ApprovalDecision.UNSPECIFIED;
  if (spec.cause === ApprovalCause.ELICITATION) {
    const asked = { id, elicitationId: spec.elicitationId, decision, content: "" };
    step.elicitations = [...step.elicitations, asked];
  } else step.approval = { id, spec, attempt: step.attempt, decision, comment: "", arguments: "" };
}

function decide(state: ExecutionState, stepKey: string, decided: ApprovalDecided): void {
  const { approval, elicitations = [] } = state.steps.get(stepKey) ?? {};
  const { decision, comment, arguments: edited } = decided;
  const asked = elicitations.find(({ id }) => id === decided.approvalId);
  if (asked) Object.assign(asked, { decision, content: edited });
  if (approval?.id !== decided.approvalId) return; // a sub-agent's, or a server's
  Object.assign(approval, { decision, comment, arguments: edited });
  const grant = decision === ApprovalDecision.APPROVED ? grantOf(approval.spec, decided.scope) : undefined;
  if (grant) state.grants = [...state.grants, grant].slice(-MOST_GRANTS);
}

function grantOf(
  spec: { readonly server: string; readonly tool: string; readonly definitionDigest: string },
  scope: ApprovalScope,
): Grant | undefined {
  if (scope === ApprovalScope.TOOL) return { server: spec.server, tool: spec.tool, definition: spec.definitionDigest };
  return scope === ApprovalScope.SERVER ? { server: spec.server, tool: "", definition: "" } : undefined;
}

function foldOutcome(state: ExecutionState, event: ExecutionEvent): void {
  const outcome = outcomeOf(event.event);
  if (!outcome) return;
  const { stepKey } = event;
  const step = stepAt(state, stepKey);
  Object.assign(step, { digest: digestOf(event.event), outcome, approval: undefined, child: "", repeat: false });
  step.elicitations = [];
  if (event.event.case === "ownStepFinished") {
    step.own = true;
    state.hasOwnSteps = true;
    noteFailure(state, stepKey, event.event.value);
  }
  if (event.event.case === "modelCallFinished") {
    if (state.conversation.step === stepKey) state.conversation.finished = event.event.value;
    noteFailure(state, stepKey, event.event.value);
  }
  state.steps.delete(stepKey); // to its end: the newest is last
  state.steps.set(stepKey, step);
  forget(state);
}

function noteFailure(state: ExecutionState, stepKey: string, { error }: { readonly error?: unknown }): void {
  const others = state.failed.filter((key) => key !== stepKey);
  state.failed = error ? [...others, stepKey].slice(-MOST_FAILED) : others;
}

/** What an event says of the outcome of its step; undefined where it says nothing of it. */
export function outcomeOf(body: ExecutionEvent["event"]): Outcome | undefined {
  switch (body.case) {
    case "modelCallFinished":
      return { kind: "model", finished: body.value };
    case "toolCallFinished":
    case "subAgentEnded":
    case "inputProvided":
      return body.value.result && { kind: "tool", result: body.value.result };
    case "ownStepFinished":
      return { kind: "own", finished: body.value };
    default:
      return undefined;
  }
}

/** The step as the entry that ended it tells. */
export function finishedStep({ event, attempt }: ExecutionEvent): StepState | undefined {
  const outcome = outcomeOf(event);
  return outcome && { ...NEW_STEP, digest: digestOf(event), attempt, outcome, own: outcome.kind === "own" };
}

function digestOf(body: ExecutionEvent["event"]): string {
  return "requestDigest" in (body.value ?? {}) ? hex((body.value as { requestDigest: Uint8Array }).requestDigest) : "";
}

/** The outcome is void, or known to be lost; the next try is another one. */
function reopen(state: ExecutionState, key: string): void {
  const step = state.steps.get(key);
  if (step) Object.assign(step, { outcome: undefined, repeat: step.own });
}

function forget(state: ExecutionState): void {
  const finished = [...state.steps].filter(([key, step]) => step.outcome !== undefined && !state.failed.includes(key));
  let bytes = finished.reduce((sum, [, step]) => sum + sizeOf(step.outcome), 0);
  for (const [index, [key, step]] of finished.entries()) {
    const left = finished.length - index;
    if (left <= MOST_FINISHED && (bytes <= MOST_FINISHED_BYTES || left === 1)) return;
    state.steps.delete(key);
    state.forgotten ??= newKeyFilter();
    addKey(state.forgotten, key);
    bytes -= sizeOf(step.outcome);
  }
}

function sizeOf(outcome: Outcome | undefined): number {
  if (outcome?.kind === "tool") return outcome.result.content.length;
  if (outcome?.kind === "own") return outcome.finished.value.length;
  const parts = outcome?.finished.message?.parts ?? [];
  return parts.reduce((sum, { part }) => sum + (part.case === "text" ? part.value.length : 256), 0);
}

function stepAt(state: ExecutionState, key: string): StepState {
  const known = state.steps.get(key);
  if (known) return known;
  const step: StepState = { ...NEW_STEP };
  state.steps.set(key, step);
  return step;
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
