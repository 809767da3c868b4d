import { clone, create } from "@bufbuild/protobuf";
import { anyPack } from "@bufbuild/protobuf/wkt";
import { conflict, type Fault, invalid, isFault } from "@stigmer/base";
import {
  ApplyResponse_Action as Action,
  type ApplyRequest,
  type ApplyResponse,
  ApplyResponseSchema,
  type DiffRequest,
} from "@stigmer/contracts/commons";
import type { Row } from "@stigmer/store";
import type { Call } from "../call.ts";
import { changesBetween } from "../fields/changes.ts";
import { pathsOf } from "../fields/leaves.ts";
import { type Conflict, planMerge } from "../fields/merge-plan.ts";
import { managerOf } from "../fields/owners.ts";
import type { Kind, Resource } from "../kind.ts";
import type { Pipeline, PipelineDeps, Plan } from "../pipeline.ts";
import { concealed, sealRequest } from "../sealing.ts";
import { deletedKind, fromRow, metadataOf } from "../stored.ts";
import { throwawayKeys } from "../throwaway-keys.ts";
import { planCreate, planReplace, requireVersion } from "./commands.ts";
import { equalSpecs, requireByName, settle } from "./objects.ts";
import { type Unpacked, unpack } from "./unpack.ts";

/** What an apply works on. */
type Applying = Unpacked & { readonly force: boolean; readonly call: Call };

/** Makes a resource be as described, as Kubernetes' server-side apply does. */
export async function apply(
  deps: PipelineDeps,
  pipeline: Pipeline,
  request: ApplyRequest,
  call: Call,
): Promise<ApplyResponse> {
  const applying = await pipeline.audited(call, async () => {
    const unpacked = unpack(deps, request.resource);
    const access = accessOf(unpacked, call);
    const org = await deps.authorizer.authorize({ ...access, permission: `${access.word}.create` });
    await deps.authorizer.authorize({ ...access, permission: `${access.word}.update` });
    return { ...unpacked, force: request.force, call: { ...call, org } };
  });
  if (request.dryRun) return (await pipeline.audited(call, () => planApply(askingOnly(deps), applying))).answer;
  return await pipeline.command(request, applying.call, () => planApply(deps, applying));
}

/** Says what an apply would do. */
export async function diff(deps: PipelineDeps, request: DiffRequest, call: Call): Promise<ApplyResponse> {
  const unpacked = unpack(deps, request.resource);
  const access = accessOf(unpacked, call);
  const org = await deps.authorizer.authorize({ ...access, permission: `${access.word}.get` });
  const applying = { ...unpacked, force: request.force, call: { ...call, org } };
  return (await planApply(askingOnly(deps), applying)).answer;
}

/** For what is only asked: every sensitive text that is set counts as changed, or a guess could be confirmed. */
function askingOnly(deps: PipelineDeps): PipelineDeps {
  return { ...deps, dataKeys: throwawayKeys(deps.dataKeys) };
}

function accessOf({ kind, resource }: Unpacked, { caller }: Call) {
  const { name, org } = metadataOf(resource);
  if (!name) throw invalid([{ field: "metadata.name", description: "is required" }]);
  return { caller, org, resource: name, word: kind.options.kind.toLowerCase() };
}

async function planApply(deps: PipelineDeps, applying: Applying): Promise<Plan<ApplyResponse>> {
  const { kind, resource, call } = applying;
  const key = { tenant: call.org, name: metadataOf(resource).name };
  const row = await deps.store.getByName({ ...key, kind: kind.options.kind });
  if (row) return await planOver(deps, applying, row);
  const deleted = await deps.store.getByName({ ...key, kind: deletedKind(kind) });
  if (deleted) await requireByName(deps.store, kind, { org: call.org, name: key.name });
  return await planFirst(deps, applying);
}

async function planFirst(deps: PipelineDeps, applying: Applying): Promise<Plan<ApplyResponse>> {
  const { kind, resource, call } = applying;
  const sent = metadataOf(resource).resourceVersion;
  if (sent) {
    const facts = { kind: kind.options.kind, name: metadataOf(resource).name, sent, current: "" };
    const message = "there is no such resource any more; leave the version out to make it anew";
    throw conflict("VERSION_MOVED", facts, { message });
  }
  try {
    const plan = await planCreate(deps, kind, resource, call);
    const defaulted = pathsBeside(kind, plan.answer, resource);
    return answerOf(deps, applying, { plan, action: Action.CREATED, previous: undefined, defaulted, pruned: [] });
  } catch (error) {
    if (!isFault(error, "RESOURCE_EXISTS")) throw error;
    return await planApply(deps, applying); // somebody else was quicker, so there is something to change
  }
}

async function planOver(deps: PipelineDeps, applying: Applying, row: Row): Promise<Plan<ApplyResponse>> {
  const { kind, resource, call } = applying;
  const sent = metadataOf(resource).resourceVersion;
  if (sent) requireVersion(kind, row, sent);
  const previous = fromRow(kind, row);
  const { registry } = deps.kinds;
  const manager = managerOf(call);
  const applied = clone(kind.schema, resource) as Resource; // the request stays as it came
  const owner = { org: call.org, kind: kind.options.kind, id: row.id };
  const storage = await sealRequest(deps.dataKeys, kind, { resource: applied, previous, owner });
  const { merged, ...merge } = planMerge({ kind, registry }, previous, { applied, manager });
  if (merge.conflicts.length > 0 && !applying.force) throw conflictOf(kind, previous, merge.conflicts);
  const next = clone(kind.schema, merged) as Resource;
  const changed = await settle(deps, kind, { previous, next, owners: merge.owners, call });
  const plan = changed
    ? await planReplace(deps, kind, { row, next, storage, call })
    : { answer: fromRow(kind, row), resource: row.id };
  const moved = !equalSpecs(kind, previous, next) || changesBetween(kind, previous, next, registry).length > 0;
  return answerOf(deps, applying, {
    ...{ plan, previous, pruned: merge.pruned, action: moved ? Action.UPDATED : Action.UNCHANGED },
    defaulted: pathsBeside(kind, next, merged),
  });
}

function conflictOf(kind: Kind, { metadata }: Resource, conflicts: readonly Conflict[]): Fault {
  const name = metadata?.name ?? "";
  const preconditions = conflicts.map(({ path, manager, value }) => {
    const description = `${manager} has set it${value === undefined ? "" : ` to ${value}`}`;
    return { type: "FIELD_MANAGER", subject: path, description };
  });
  const list = preconditions.map(({ subject, description }) => `${subject} (${description})`).join(", ");
  const message = `other managers own fields of ${kind.options.kind.toLowerCase()} "${name}": ${list}; leave them out, give the same values, or take them over with force`;
  const [first] = conflicts;
  const facts = { kind: kind.options.kind, name, path: first?.path, manager: first?.manager };
  return conflict("FIELD_CONFLICT", facts, { message, preconditions });
}

type Outcome = {
  readonly plan: Plan<Resource>;
  readonly action: Action;
  readonly previous: Resource | undefined;
  readonly defaulted: readonly string[];
  readonly pruned: readonly string[];
};

function answerOf(deps: PipelineDeps, { kind, ignored }: Applying, outcome: Outcome): Plan<ApplyResponse> {
  const { action, previous, defaulted, pruned } = outcome;
  const { encoded: _, ...plan } = outcome.plan;
  const answer = create(ApplyResponseSchema, {
    resource: anyPack(kind.schema, concealed(kind, plan.answer)),
    action,
    defaulted: [...defaulted],
    ignored: [...ignored],
    pruned: [...pruned],
    diff: changesBetween(kind, previous, plan.answer, deps.kinds.registry),
  });
  return { ...plan, answer };
}

/** Paths that are set in one version and not in another. */
function pathsBeside(kind: Kind, one: Resource, other: Resource): string[] {
  const known = new Set(pathsOf(kind, other));
  return pathsOf(kind, one)
    .filter((path) => !known.has(path))
    .sort();
}
