export { type AgentExecutionsDeps, agentExecutionHandlers } from "./agent-executions.ts";
export { approvalHandlers } from "./approvals.ts";
export { type ApprovalQuestion, askPeople } from "./ask-people.ts";
export { CallParked } from "./call-parked.ts";
export { messageBlob } from "./conversation.ts";
export { closeElicitations } from "./elicitations.ts";
export type { EndingDeps } from "./ending.ts";
export type { ExecutionRef, NewEvent } from "./execution-ref.ts";
export { createExecutions, type Decision, type Executions, inTurn, mergeBatches } from "./executions.ts";
export { failExecution } from "./fail-execution.ts";
export { createHub, type Hub } from "./hub.ts";
export { createLeases, type Leases } from "./leases.ts";
export { COMMANDS, LIFE_CYCLE } from "./life-cycle.ts";
export { createLiveSteps, type LiveStep, type LiveSteps } from "./live-steps.ts";
export { createProgressFeed } from "./progress.ts";
export { createRedaction, type Redaction } from "./redaction.ts";
export { requireKind } from "./require-kind.ts";
export { endOfCall, sendCall, startServer } from "./runner-calls.ts";
export { runnerHandlers, type ToolServers } from "./runner-controller.ts";
export { type CallKey, type Connection, callKey, createRunners, type Runners, sendTo } from "./runners.ts";
export { createRunningWork } from "./running-work.ts";
export { sealingKeyHandlers } from "./sealing-key.ts";
export type { ChosenModel, ModelChoice, StartDeps } from "./start-execution.ts";
export {
  type ExecutionState,
  isFinal,
  type Outcome,
  type StepApproval,
  type StepState,
  waitingPhase,
} from "./state.ts";
export { type Claim, createSteps, type StepRequest, type Steps, type Verdict } from "./steps.ts";
export { planSubAgent } from "./sub-agents.ts";
export { executionQueryHandlers } from "./subscribe.ts";
export { createTimers, type Timers } from "./timers.ts";
export { type Level, levelsOf } from "./tree-usage.ts";
export { addUsage } from "./usage.ts";
export {
  agentDeclarer,
  createVariables,
  type Received,
  type Sources,
  serverDeclarer,
  type Variables,
} from "./variables.ts";
export { whyHandlers } from "./why.ts";
