export { create } from "@bufbuild/protobuf";
export { createRedactor, type Redactor } from "@stigmer/base/redactor";
export type { Client } from "@stigmer/client";
export { type ConnectOptions, connectTo } from "@stigmer/client/node";
export {
  type AgentSpec,
  AgentSpecSchema,
  type Attachment,
  FinishReason,
  type Message,
  MessageSchema,
  type Part,
  PartSchema,
  Role,
  type SkillSummary,
  type ToolCall,
  ToolCallSchema,
  type ToolDefinition,
  ToolDefinitionSchema,
  type ToolResult,
  ToolResultSchema,
  type Usage,
} from "@stigmer/contracts/agentic";
export { type ToolSpec, ToolSpecSchema } from "@stigmer/contracts/gateway";
export type {
  AgentContext,
  AgentLoop,
  CallToolOptions,
  CompactionNote,
  ModelAnswer,
  ModelRequest,
  PlannedStep,
} from "./agent.ts";
export { Failure, type FailureOptions } from "./failure.ts";
export type { RunnerEnd } from "./life.ts";
export { type Log, silentLog } from "./log.ts";
export { textMessage, textOf, toolCallsOf, toolMessage } from "./messages.ts";
export type { OwnStepOptions, RunStep } from "./own-steps.ts";
export { type RunnerOptions, runRunner } from "./runner.ts";
export type {
  ServerTransport,
  ToolAnswer,
  ToolAttachment,
  ToolCallContext,
  ToolCallProgress,
  ToolHost,
  ToolHostNews,
  ToolInvocation,
  ToolListing,
  ToolQuestion,
  ToolReply,
  ToolServer,
} from "./tool-host.ts";
