import { precondition } from "@stigmer/base";
import type { ExecutionLimits } from "@stigmer/contracts/agentic";
import type { ModelChoice } from "@stigmer/execution";
import type { Models } from "./models.ts";

/**
 * The first model that is named, the backend's default last. One whose provider is not configured, or whose price is not known where
 * cost has a limit, is refused before the run starts.
 */
export function createModelChoice(deps: {
  readonly defaultModel: () => string | undefined;
  readonly resolve: (model: string) => unknown;
  readonly models: Pick<Models, "priceOf" | "learnContextWindow">;
  readonly limits: () => ExecutionLimits;
}): ModelChoice {
  return {
    limits: deps.limits,
    async choose(candidates, { maxCostMicros }) {
      const model = [...candidates, deps.defaultModel() ?? ""].find((candidate) => candidate !== "");
      if (!model) throw modelNotSet();
      deps.resolve(model);
      if (maxCostMicros > 0n && !deps.models.priceOf(model)) throw priceUnknown(model);
      return { model, contextWindow: await deps.models.learnContextWindow(model) };
    },
  };
}

/** Cost has a limit, and what the model costs is not known. */
export function priceUnknown(model: string): Error {
  const message = `cost is limited, and the price of ${model} is not known: set it in \`prices\` of config.yaml, or choose another model`;
  return precondition("MODEL_PRICE_UNKNOWN", { model }, { message });
}

/** No layer names a model. */
export function modelNotSet(): Error {
  const message =
    "no model is set: name one with --model, in the agent's spec.model, or as the default: stigmer config set model <provider/model>";
  return precondition("MODEL_NOT_SET", {}, { message });
}
