import {
  type AgentContext,
  type AgentLoop,
  create,
  type Message,
  Role,
  type ToolResult,
  ToolResultSchema,
  type ToolSpec,
  ToolSpecSchema,
  textMessage,
  toolMessage,
} from "@stigmer/sdk";
import { moveAfter, type ToolStep } from "./turn.ts";

const DEFAULT_MAX_TURNS = 50;

/** Asks the model, calls the tools that it wants, one after the other, and asks again, until it answers without any. */
export const agentLoop: AgentLoop = async (context) => {
  const maxTurns = context.agent.maxTurns || DEFAULT_MAX_TURNS;
  const tools = await toolSpecs(context);
  const messages = opening(context);
  for (let turn = 1; ; turn++) {
    const answer = await context.generate(`turn/${turn}/model`, { messages, tools });
    const move = moveAfter(turn, maxTurns, answer);
    if (move.kind === "finish") return move.output;
    messages.push(answer.message, toolMessage(await callAll(context, move.steps)));
  }
};

async function toolSpecs(context: AgentContext): Promise<ToolSpec[]> {
  const definitions = await context.listTools();
  return definitions.map(({ name, description, inputSchema }) =>
    create(ToolSpecSchema, { name, description, inputSchema }),
  );
}

function opening({ agent, history, message }: AgentContext): Message[] {
  return [textMessage(Role.SYSTEM, agent.instructions), ...history, textMessage(Role.USER, message)];
}

async function callAll(context: AgentContext, steps: readonly ToolStep[]): Promise<ToolResult[]> {
  const results: ToolResult[] = [];
  for (const [index, { stepKey, call }] of steps.entries()) {
    const { content, isError } = await context.callTool(stepKey, call, { planned: steps.slice(index + 1) });
    results.push(create(ToolResultSchema, { callId: call.id, content, isError }));
  }
  return results;
}
