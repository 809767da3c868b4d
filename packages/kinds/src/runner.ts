import { RunnerCommandController, RunnerQueryController, RunnerSchema } from "@stigmer/contracts/agentic";
import { defineKind } from "@stigmer/resource";

export const runner = defineKind({
  message: RunnerSchema,
  services: [RunnerCommandController, RunnerQueryController],
});
