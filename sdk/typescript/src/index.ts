export { create } from "@bufbuild/protobuf";
export type { Client } from "@stigmer/client";
export { type ConnectOptions, connectTo } from "@stigmer/client/node";
export {
  type AgentSpec,
  AgentSpecSchema,
  FinishReason,
  type Message,
  MessageSchema,
  type Part,
  PartSchema,
  Role,
  type ToolCall,
  ToolCallSchema,
  type ToolDefinition,
  ToolDefinitionSchema,
  type ToolResult,
  ToolResultSchema,
  type Usage,
} from "@stigmer/contracts/agentic";
export { type ToolSpec, ToolSpecSchema } from "@stigmer/contracts/gateway";
export type { AgentContext, AgentLoop, CallToolOptions, ModelAnswer, ModelRequest, PlannedStep } from "./agent.ts";
export { Failure, type FailureOptions } from "./failure.ts";
export type { RunnerEnd } from "./life.ts";
export { type Log, silentLog } from "./log.ts";
export { textMessage, textOf, toolCallsOf, toolMessage } from "./messages.ts";
export type { OwnStepOptions, RunStep } from "./own-steps.ts";
export { type RunnerOptions, runRunner } from "./runner.ts";
export type {
  ServerTransport,
  ToolAnswer,
  ToolHost,
  ToolInvocation,
  ToolListing,
  ToolServer,
} from "./tool-host.ts";
