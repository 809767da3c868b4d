import {
  type AgentContext,
  type AgentLoop,
  create,
  type ToolResult,
  ToolResultSchema,
  type ToolSpec,
  ToolSpecSchema,
  toolMessage,
} from "@stigmer/sdk";
import { createAnswerCheck } from "./answer-check.ts";
import { askModel, firstFill } from "./ask-model.ts";
import { extended } from "./conversation.ts";
import { opening } from "./opening.ts";
import { moveAfter, type ToolStep } from "./turn.ts";

const DEFAULT_MAX_TURNS = 50;

/**
 * Asks the model, calls the tools that it wants, one after the other, and asks again, until it answers without any; where
 * the agent has an output schema, until the answer fits it.
 */
export const agentLoop: AgentLoop = async (context) => {
  const { agent, maxToolRounds } = context;
  const maxTurns = agent.maxTurns || DEFAULT_MAX_TURNS;
  const tools = await toolSpecs(context);
  const checkAnswer = createAnswerCheck(agent.output, maxTurns);
  let conversation = opening(context, tools);
  let fill = firstFill(context, conversation);
  for (let turn = 1, toolRounds = 0; ; turn++) {
    const asked = await askModel(context, { turn, conversation, fill, tools });
    fill = asked.fill;
    const move = moveAfter({ turn, maxTurns, toolRounds, maxToolRounds }, asked.answer);
    if (move.kind === "call") {
      toolRounds += 1;
      const results = toolMessage(await callAll(context, move.steps));
      conversation = extended(asked.conversation, asked.answer.message, results);
    } else {
      const checked = checkAnswer(turn, move.output);
      if (checked.ok) return checked.output;
      conversation = extended(asked.conversation, ...checked.said);
    }
  }
};

async function toolSpecs(context: AgentContext): Promise<ToolSpec[]> {
  const definitions = await context.listTools();
  return definitions.map(({ name, description, inputSchema }) =>
    create(ToolSpecSchema, { name, description, inputSchema }),
  );
}

async function callAll(context: AgentContext, steps: readonly ToolStep[]): Promise<ToolResult[]> {
  const results: ToolResult[] = [];
  for (const [index, { stepKey, call }] of steps.entries()) {
    const { content, isError, attachments } = await context.callTool(stepKey, call, {
      planned: steps.slice(index + 1),
    });
    results.push(create(ToolResultSchema, { callId: call.id, content, isError, attachments }));
  }
  return results;
}
