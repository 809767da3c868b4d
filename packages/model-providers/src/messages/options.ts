import { type ModelOptions, ThinkingEffort } from "@stigmer/contracts/agentic";
import type { JsonObject } from "../json-value.ts";
import { isClosed } from "../output-schema.ts";
import { claude } from "./claude.ts";

const EFFORTS = new Map([
  [ThinkingEffort.LOW, { effort: "low", budget: 2_048 }],
  [ThinkingEffort.MEDIUM, { effort: "medium", budget: 8_192 }],
  [ThinkingEffort.HIGH, { effort: "high", budget: 24_576 }],
]);

/** Anthropic refuses a smaller budget. */
const LEAST_BUDGET = 1024;
const WARMEST = 1;

export type Asked = {
  readonly model: string;
  readonly options: ModelOptions | undefined;
  /** Only where the model can be held to it. */
  readonly schema: JsonObject | undefined;
};

/** How a model of Anthropic is asked. One that thinks has no temperature. */
export function messagesOptions({ model, options, schema }: Asked): JsonObject {
  const { maxTokens, thinking, canStopThinking, takesTemperature } = claude(model);
  const wanted = EFFORTS.get(options?.thinking ?? ThinkingEffort.UNSPECIFIED);
  const none = options?.thinking === ThinkingEffort.NONE;
  const most = Number(options?.maxOutputTokens ?? 0n) || maxTokens;
  const budget = Math.min(wanted?.budget ?? 0, most - LEAST_BUDGET);
  const byEffort = thinking === "effort" && wanted;
  const byBudget = thinking === "budget" && budget >= LEAST_BUDGET;
  const temperature = options?.temperature;
  const config = {
    ...(byEffort && { effort: wanted.effort }),
    // The least that a model can be told which always decides for itself.
    ...(none && thinking === "effort" && !canStopThinking && { effort: "low" }),
    ...(schema && { format: { type: "json_schema", schema } }),
  };
  return {
    max_tokens: most,
    ...(byEffort && { thinking: { type: "adaptive" } }),
    ...(byBudget && { thinking: { type: "enabled", budget_tokens: budget } }),
    ...(none && canStopThinking && { thinking: { type: "disabled" } }),
    ...(temperature !== undefined &&
      takesTemperature &&
      !byEffort &&
      !byBudget && { temperature: Math.min(temperature, WARMEST) }),
    ...(Object.keys(config).length > 0 && { output_config: config }),
  };
}

/** Whether the model can be held to the schema; otherwise it is told in words. */
export function holdsTo(model: string, schema: JsonObject): boolean {
  return claude(model).takesSchema && isClosed(schema, "any");
}
