import { precondition } from "@stigmer/base";
import type { ModelChoice } from "@stigmer/execution";

/** The first model that is named, the backend's default last. One whose provider is not configured is refused before the run starts. */
export function createModelChoice(deps: {
  readonly defaultModel: () => string | undefined;
  readonly resolve: (model: string) => unknown;
}): ModelChoice {
  return {
    choose(candidates) {
      const model = [...candidates, deps.defaultModel() ?? ""].find((candidate) => candidate !== "");
      if (!model) {
        const message =
          "no model is set: name one with --model, in the agent's spec.model, or as the default: stigmer config set model <provider/model>";
        throw precondition("MODEL_NOT_SET", {}, { message });
      }
      deps.resolve(model);
      return model;
    },
  };
}
