import { create } from "@bufbuild/protobuf";
import { anyPack, anyUnpack } from "@bufbuild/protobuf/wkt";
import { invalid, isFault, unsupported } from "@stigmer/base";
import {
  ApplyResponse_Action as Action,
  ApiResourceCommandController,
  ApiResourceQueryController,
  type ApplyRequest,
  type ApplyResponse,
  ApplyResponseSchema,
  ListKindsResponseSchema,
  Managed,
} from "@stigmer/contracts/commons";
import type { Call } from "../call.ts";
import { type Handler, unary } from "../handler.ts";
import type { Kind, Resource } from "../kind.ts";
import type { Pipeline, PipelineDeps, Plan } from "../pipeline.ts";
import { metadataOf } from "../stored.ts";
import { clearOutputOnly } from "../validate.ts";
import { planCreate, planReplace } from "./commands.ts";

/** Handlers of the services that span kinds. */
export function genericHandlers(deps: PipelineDeps, pipeline: Pipeline): readonly Handler[] {
  return [
    unary(ApiResourceCommandController.method.apply, (request, call) => apply(deps, pipeline, request, call)),
    unary(ApiResourceQueryController.method.listKinds, async () =>
      create(ListKindsResponseSchema, { kinds: describeKinds(deps) }),
    ),
    unary(ApiResourceQueryController.method.diff, () => Promise.reject(unsupported("FEATURE_NOT_CLAIMED"))),
    unary(ApiResourceQueryController.method.search, () => Promise.reject(unsupported("FEATURE_NOT_CLAIMED"))),
  ];
}

async function apply(
  deps: PipelineDeps,
  pipeline: Pipeline,
  request: ApplyRequest,
  call: Call,
): Promise<ApplyResponse> {
  const { kind, resource } = unpack(deps, request);
  clearOutputOnly(kind.schema, resource);
  deps.rules.check(kind.schema, resource);
  const { name, org } = metadataOf(resource);
  if (!name) throw invalid([{ field: "metadata.name", description: "is required" }]);
  const verb = kind.options.kind.toLowerCase();
  const access = { caller: call.caller, org, resource: name };
  const tenant = await deps.authorizer.authorize({ ...access, permission: `${verb}.create` });
  await deps.authorizer.authorize({ ...access, permission: `${verb}.update` });
  const inOrg = { ...call, org: tenant };
  return await pipeline.command(request, inOrg, () => planApply(deps, kind, resource, inOrg));
}

async function planApply(deps: PipelineDeps, kind: Kind, resource: Resource, call: Call): Promise<Plan<ApplyResponse>> {
  const row = await deps.store.getByName({
    tenant: call.org,
    kind: kind.options.kind,
    name: metadataOf(resource).name,
  });
  if (!row) return await planFirst(deps, kind, resource, call);
  const plan = await planReplace(deps, kind, { row, request: resource, call });
  return wrap(kind, plan.batch ? Action.UPDATED : Action.UNCHANGED, plan);
}

async function planFirst(deps: PipelineDeps, kind: Kind, resource: Resource, call: Call): Promise<Plan<ApplyResponse>> {
  try {
    return wrap(kind, Action.CREATED, await planCreate(deps, kind, resource, call));
  } catch (error) {
    if (!isFault(error, "RESOURCE_EXISTS")) throw error;
    return await planApply(deps, kind, resource, call); // somebody else was quicker, so there is something to update
  }
}

function wrap(kind: Kind, action: Action, plan: Plan<Resource>): Plan<ApplyResponse> {
  return { ...plan, answer: create(ApplyResponseSchema, { action, resource: anyPack(kind.schema, plan.answer) }) };
}

function unpack(deps: PipelineDeps, request: ApplyRequest): { readonly kind: Kind; readonly resource: Resource } {
  const typeName = request.resource?.typeUrl.split("/").at(-1) ?? "";
  const kind = deps.kinds.ofMessage(typeName);
  if (!kind)
    throw invalid([{ field: "resource", description: `no kind has the message type "${typeName}"` }], "KIND_UNKNOWN");
  if (kind.options.managed !== Managed.USER) {
    throw invalid([{ field: "resource", description: `a ${kind.options.kind} can't be applied` }], "KIND_UNKNOWN");
  }
  try {
    const resource = request.resource && anyUnpack(request.resource, deps.kinds.registry);
    if (resource) return { kind, resource: resource as Resource };
  } catch {
    throw invalid([{ field: "resource", description: "is not a well-formed message of its type" }]);
  }
  throw invalid([{ field: "resource", description: "is empty" }]);
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
