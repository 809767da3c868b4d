export { type AgentExecutionsDeps, agentExecutionHandlers } from "./agent-executions.ts";
export { approvalHandlers } from "./approvals.ts";
export { type ApprovalQuestion, askPeople } from "./ask-people.ts";
export { messageBlob } from "./conversation.ts";
export type { EndingDeps } from "./ending.ts";
export type { ExecutionRef, NewEvent } from "./execution-ref.ts";
export { createExecutions, type Decision, type Executions, mergeBatches } from "./executions.ts";
export { createHub, type Hub } from "./hub.ts";
export { createLeases, type Leases } from "./leases.ts";
export { COMMANDS, LIFE_CYCLE } from "./life-cycle.ts";
export { createLiveSteps, type LiveStep, type LiveSteps } from "./live-steps.ts";
export { requireKind } from "./require-kind.ts";
export { runnerHandlers } from "./runner-controller.ts";
export {
  type CallKey,
  type Connection,
  callKey,
  callTool,
  createRunners,
  type Runners,
  sendTo,
  startServer,
} from "./runners.ts";
export { createRunningWork } from "./running-work.ts";
export type { ModelChoice, StartDeps } from "./start-execution.ts";
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
export { whyHandlers } from "./why.ts";
