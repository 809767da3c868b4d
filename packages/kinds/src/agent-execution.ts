import {
  AgentExecutionCommandController,
  AgentExecutionQueryController,
  AgentExecutionSchema,
} from "@stigmer/contracts/agentic";
import { defineKind } from "@stigmer/resource";

export const agentExecution = defineKind({
  message: AgentExecutionSchema,
  services: [AgentExecutionCommandController, AgentExecutionQueryController],
  parent: ({ spec }) => spec?.sessionId ?? "",
});
