import { create } from "@bufbuild/protobuf";
import {
  ApiResourceCommandController,
  ApiResourceQueryController,
  ListKindsResponseSchema,
} from "@stigmer/contracts/commons";
import { type Handler, unary } from "../handler.ts";
import type { Pipeline, PipelineDeps } from "../pipeline.ts";
import { apply, diff } from "./apply.ts";
import { searchHandler } from "./search.ts";

/** Handlers of the services that span kinds. */
export function genericHandlers(deps: PipelineDeps, pipeline: Pipeline): readonly Handler[] {
  return [
    unary(ApiResourceCommandController.method.apply, (request, call) => apply(deps, pipeline, request, call)),
    unary(ApiResourceQueryController.method.listKinds, async () =>
      create(ListKindsResponseSchema, { kinds: describeKinds(deps) }),
    ),
    unary(ApiResourceQueryController.method.diff, (request, call) => diff(deps, request, call)),
    unary(ApiResourceQueryController.method.search, searchHandler(deps)),
  ];
}

function describeKinds(deps: PipelineDeps) {
  return deps.kinds.all
    .map(({ options, apiVersion, schema }) => ({
      kind: options.kind,
      apiVersion,
      messageType: schema.typeName,
      plural: options.plural,
      shortNames: options.shortNames,
      managed: options.managed,
      filterFields: options.filterFields,
      revisions: options.revisions,
    }))
    .sort((a, b) => (a.kind < b.kind ? -1 : 1));
}
