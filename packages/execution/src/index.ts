export { type AgentExecutionsDeps, agentExecutionHandlers } from "./agent-executions.ts";
export { approvalHandlers, requireKind } from "./approvals.ts";
export { createExecutions, type Decision, type ExecutionRef, type Executions, type NewEvent } from "./executions.ts";
export { type ExecutionState, isFinal, type Outcome, type StepApproval, type StepState } from "./fold.ts";
export { createHub, type Hub } from "./hub.ts";
export { createLeases, type Leases } from "./leases.ts";
export { createLiveSteps, type LiveStep, type LiveSteps } from "./live-steps.ts";
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
export type { ModelChoice } from "./start-execution.ts";
export { type Claim, createSteps, type StepRequest, type Steps, type Verdict } from "./steps.ts";
export { executionQueryHandlers } from "./subscribe.ts";
