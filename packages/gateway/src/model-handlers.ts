import {
  ListModelsResponseSchema,
  ModelCommandController,
  ModelQueryController,
  TestModelResponseSchema,
} from "@stigmer/contracts/gateway";
import type { Executions } from "@stigmer/execution";
import { type Handler, type Pipeline, unary } from "@stigmer/resource";
import { type ListModelsDeps, listModels } from "./list-models.ts";
import { type TestModelDeps, testModel } from "./test-model.ts";
import { type UsageDeps, usageReport } from "./usage.ts";

export type ModelHandlersDeps = ListModelsDeps &
  TestModelDeps &
  UsageDeps & { readonly pipeline: Pipeline; readonly executions: Pick<Executions, "redaction"> };

export function modelHandlers(deps: ModelHandlersDeps): readonly Handler[] {
  const { pipeline } = deps;
  const { redaction } = deps.executions; // a provider may say back what it was sent, its key included
  return [
    unary(ModelQueryController.method.list, async (request, call) =>
      redaction.message(ListModelsResponseSchema, await listModels(deps, request, call)),
    ),
    unary(ModelQueryController.method.usage, usageReport(deps)),
    unary(ModelCommandController.method.test, (request, call) =>
      pipeline.command(request, call, async () => {
        const answer = redaction.message(TestModelResponseSchema, await testModel(deps, request, call));
        return { answer, resource: "" };
      }),
    ),
  ];
}
