import { create } from "@bufbuild/protobuf";
import { type Timestamp, timestampFromMs } from "@bufbuild/protobuf/wkt";
import {
  type AgentExecutionStatus,
  type Attachment,
  type ExecutionEvent,
  ExecutionPhase as Phase,
  type PhaseChanged,
  UsageSchema,
} from "@stigmer/contracts/agentic";
import { isFinal } from "./state.ts";
import { addCall, addUsage } from "./usage.ts";

/** Adds one event to a status. */
export function foldStatus(status: AgentExecutionStatus, { event, time }: ExecutionEvent, sequence: number): void {
  status.sequence = BigInt(sequence);
  switch (event.case) {
    case "created":
      foldCreated(status, event.value);
      break;
    case "phaseChanged":
      foldPhase(status, event.value, time);
      break;
    case "modelCallFinished":
      status.turns += 1;
      addCall(status, event.value);
      break;
    case "toolCallFinished":
      addArtifacts(status, event.value.result?.attachments ?? []);
      break;
    case "approvalRequested":
      setApprovals(status, [...status.approvalIds, event.value.approvalId]);
      break;
    case "approvalDecided":
      setApprovals(status, withoutOne(status.approvalIds, event.value.approvalId));
      break;
    case "inputRequested":
      if (event.value.question) status.question = event.value.question;
      break;
    case "inputProvided":
      delete status.question;
      break;
    case "subAgentStarted":
      status.subExecutionId = event.value.executionId;
      break;
    case "subAgentEnded":
      status.subExecutionId = "";
      status.subAgentUsage ??= create(UsageSchema);
      addUsage(status.subAgentUsage, event.value.usage);
      break;
    case "todosChanged":
      status.todos = event.value.todos;
      break;
    case "planApproved":
      status.planMode = false;
      break;
    case "cancelRequested":
      if (event.value.deadline) status.cancelDeadline = event.value.deadline;
      break;
  }
}

type Created = Extract<ExecutionEvent["event"], { case: "created" }>["value"];

function foldCreated(status: AgentExecutionStatus, created: Created): void {
  status.sessionId = created.sessionId;
  status.model = created.model;
  status.agentRevision = created.agentRevision;
  if (created.parent) status.parent = created.parent;
  if (created.fork) status.fork = created.fork;
  status.planMode = created.planFirst && !created.fork?.planApproved;
}

function foldPhase(
  status: AgentExecutionStatus,
  { phase, output, error }: PhaseChanged,
  time: Timestamp | undefined,
): void {
  const at = time ?? timestampFromMs(0);
  status.phase = phase;
  status.output = output;
  if (phase === Phase.RUNNING) status.startTime ??= at;
  if (isFinal(phase)) {
    status.endTime = at;
    if (error) status.error = error;
    delete status.cancelDeadline;
    delete status.question;
    status.subExecutionId = "";
  } else {
    delete status.endTime;
    delete status.error;
  }
}

const MOST_ARTIFACTS = 1_000;

/** The newest, the oldest first; one that is there already under its name is there once. */
function addArtifacts(status: AgentExecutionStatus, more: readonly Attachment[]): void {
  if (more.length === 0) return;
  const isNew = (one: Attachment): boolean =>
    !status.artifacts.some(({ name, digest }) => name === one.name && digest === one.digest);
  status.artifacts = [...status.artifacts, ...more.filter(isNew)].slice(-MOST_ARTIFACTS);
}

function setApprovals(status: AgentExecutionStatus, ids: string[]): void {
  status.approvalIds = ids;
  status.approvalId = ids[0] ?? "";
}

function withoutOne(ids: readonly string[], gone: string): string[] {
  return ids.filter((id) => id !== gone);
}
