import { clone, equals, type Message } from "@bufbuild/protobuf";
import { exists, type Fault, invalid, isFault, notFound, precondition, type Violation } from "@stigmer/base";
import type { Reader, Row } from "@stigmer/store";
import type { Call } from "../call.ts";
import type { KeyStorage } from "../data-keys.ts";
import { changesBetween } from "../fields/changes.ts";
import { pathsOf } from "../fields/leaves.ts";
import { afterWrite, managerOf, type Owners, ownersOf, toManagers } from "../fields/owners.ts";
import type { HookContext, Kind, Resource } from "../kind.ts";
import type { PipelineDeps } from "../pipeline.ts";
import { concealed, keepSealed, sealRequest } from "../sealing.ts";
import { specDigest } from "../spec-digest.ts";
import { deletedKind, fromRow, metadataOf, stampNew, stampTouched } from "../stored.ts";
import { immutableChanges, references } from "../validate.ts";

type ById = { readonly org: string; readonly id: string };
type ByName = { readonly org: string; readonly name: string };

/** The row of a kind with this id; `RESOURCE_NOT_FOUND` where there is none, `RESOURCE_DELETED` where it is deleted. */
export async function requireById(read: Reader, kind: Kind, at: ById): Promise<Row> {
  const key = { tenant: at.org, id: at.id };
  const row = await read.get({ ...key, kind: kind.options.kind });
  if (row) return row;
  const deleted = await read.get({ ...key, kind: deletedKind(kind) });
  throw deleted ? isDeleted(kind, deleted) : missing(kind, at.id);
}

/** The row of a kind with this name; refuses as `requireById`. */
export async function requireByName(read: Reader, kind: Kind, at: ByName): Promise<Row> {
  const key = { tenant: at.org, name: at.name };
  const row = await read.getByName({ ...key, kind: kind.options.kind });
  if (row) return row;
  const deleted = await read.getByName({ ...key, kind: deletedKind(kind) });
  throw deleted ? isDeleted(kind, deleted) : missing(kind, at.name);
}

/** What is said of a resource that is not there, or that the caller may not see. */
export function missing(kind: Kind, name: string): Fault {
  const message = `${kind.options.kind.toLowerCase()} "${name}" not found`;
  return notFound("RESOURCE_NOT_FOUND", { kind: kind.options.kind, name }, { message });
}

function isDeleted(kind: Kind, { name, id }: Row): Fault {
  const message = `${kind.options.kind.toLowerCase()} "${name}" is deleted; undelete it first`;
  return precondition("RESOURCE_DELETED", { kind: kind.options.kind, name, id }, { message });
}

/** A resource as it will be stored, and what else its commit needs. */
export type Sealed = { readonly next: Resource; readonly storage: KeyStorage };

/** A new resource as it will be stored: stamped, defaulted and checked whole. Refuses one with sensitive texts: they need `newSealed`. */
export async function newObject(deps: PipelineDeps, kind: Kind, request: Resource, call: Call): Promise<Resource> {
  const { next, storage } = await newSealed(deps, kind, request, call);
  if (storage.puts.length > 0) throw new Error(`a new ${kind.options.kind} holds sensitive texts`);
  return next;
}

/** A new resource as it will be stored: sealed, stamped, defaulted and checked whole. */
export async function newSealed(deps: PipelineDeps, kind: Kind, request: Resource, call: Call): Promise<Sealed> {
  const next = clone(kind.schema, request) as Resource;
  const metadata = metadataOf(next);
  const name = await freeName(deps, kind, { ...metadata, org: call.org });
  const now = deps.clock.now();
  const manager = managerOf(call);
  const owners = new Map([[manager, new Set(pathsOf(kind, next))]]);
  const id = deps.ids.mint(kind.options.idPrefix);
  const owner = { org: call.org, kind: kind.options.kind, id };
  const storage = await sealRequest(deps.dataKeys, kind, { resource: next, previous: undefined, owner });
  stampNew(kind, next, { id, org: call.org, name, subject: call.caller.subject, now });
  metadata.fieldManagers = toManagers(owners, [], { touched: manager, now });
  await finish(deps, kind, next, undefined);
  return { next, storage };
}

const MOST_NAMES = 16;

/** The name that is asked for, which must be free, or one with the prefix that nobody has. */
async function freeName(
  deps: PipelineDeps,
  kind: Kind,
  { name, generateName, org }: { readonly name: string; readonly generateName: string; readonly org: string },
): Promise<string> {
  if (!name && !generateName) throw invalid([{ field: "metadata.name", description: "is required" }]);
  for (let count = 1; ; count++) {
    const tried = name || `${generateName}${deps.ids.suffix()}`;
    try {
      await requireFree(deps.store, kind, { org, name: tried });
      return tried;
    } catch (error) {
      if (name || count === MOST_NAMES || !isFault(error, "RESOURCE_EXISTS")) throw error;
    }
  }
}

/** Refuses a name that a resource of the kind has, or one that is deleted and not purged yet. */
async function requireFree(
  read: Reader,
  kind: Kind,
  at: { readonly org: string; readonly name: string },
): Promise<void> {
  const { org: tenant, name } = at;
  const word = kind.options.kind.toLowerCase();
  const facts = { kind: kind.options.kind, name };
  // In this order: what is deleted meanwhile is met in the second look.
  if (await read.getByName({ tenant, kind: kind.options.kind, name }))
    throw exists("RESOURCE_EXISTS", facts, { message: `${word} "${name}" exists already` });
  const deleted = await read.getByName({ tenant, kind: deletedKind(kind), name });
  if (!deleted) return;
  const message = `the name "${name}" belongs to a deleted ${word}; undelete it, or purge it to free the name`;
  throw exists("RESOURCE_EXISTS", { ...facts, id: deleted.id, deleted: true }, { message });
}

/**
 * The next version of a resource: spec, labels, annotations, owners and display name are the request's, the rest stays.
 * Answers `undefined` where nothing would change.
 */
export async function nextObject(
  deps: PipelineDeps,
  kind: Kind,
  change: { readonly row: Row; readonly request: Resource; readonly call: Call },
): Promise<Sealed | undefined> {
  const previous = fromRow(kind, change.row);
  const next = clone(kind.schema, previous) as Resource;
  // The request stays as it came: its digest is taken again where its idempotency key comes again.
  const wanted = clone(kind.schema, change.request) as Resource;
  const owner = { org: change.call.org, kind: kind.options.kind, id: change.row.id };
  const storage = await sealRequest(deps.dataKeys, kind, { resource: wanted, previous, owner });
  const { labels, annotations, displayName, ownerRefs } = metadataOf(wanted);
  Object.assign(metadataOf(next), { labels, annotations, displayName, ownerRefs });
  if (wanted.spec) next.spec = wanted.spec;
  keepSealed(kind, next, previous);
  const manager = managerOf(change.call);
  const owners = afterWrite(ownersOf(metadataOf(previous).fieldManagers), {
    manager,
    ...changedPaths(deps, kind, { previous, next }),
  });
  const changed = await settle(deps, kind, { previous, next, owners, call: change.call });
  return changed ? { next, storage } : undefined;
}

/** Paths that one version sets to another value than the one before, and paths that only the one before sets. */
function changedPaths(
  deps: PipelineDeps,
  kind: Kind,
  of: { readonly previous: Resource; readonly next: Resource },
): { readonly changed: ReadonlySet<string>; readonly gone: ReadonlySet<string> } {
  const changes = changesBetween(kind, of.previous, of.next, deps.kinds.registry);
  const now = new Set(pathsOf(kind, of.next));
  const paths = changes.map(({ path }) => path);
  return {
    changed: new Set(paths.filter((path) => now.has(path))),
    gone: new Set(paths.filter((path) => !now.has(path))),
  };
}

export type Settling = {
  readonly previous: Resource;
  readonly next: Resource;
  /** Who owns what afterwards. */
  readonly owners: Owners;
  readonly call: Call;
};

/** Brings a next version to the form in which it is stored: defaulted, checked whole, stamped. Whether it differs from the previous. */
export async function settle(deps: PipelineDeps, kind: Kind, change: Settling): Promise<boolean> {
  const { previous, next, owners, call } = change;
  const metadata = metadataOf(next);
  const before = metadataOf(previous).fieldManagers;
  const now = deps.clock.now();
  await finish(deps, kind, next, previous);
  if (!equalSpecs(kind, previous, next)) metadata.generation += 1n;
  metadata.fieldManagers = before;
  const touched = equals(kind.schema, previous, next) ? "" : managerOf(call);
  metadata.fieldManagers = toManagers(owners, before, { touched, now });
  if (equals(kind.schema, previous, next)) return false;
  stampTouched(kind, next, { subject: call.caller.subject, now });
  return true;
}

export function equalSpecs(kind: Kind, a: Resource, b: Resource): boolean {
  const schema = kind.specField.message;
  return schema !== undefined && equals(schema, a.spec as Message, b.spec as Message);
}

async function finish(deps: PipelineDeps, kind: Kind, next: Resource, previous: Resource | undefined): Promise<void> {
  const context: HookContext = {
    ...{ previous, read: deps.store, blobs: deps.blobs, keys: deps.keys, clock: deps.clock },
    get specDigest() {
      return specDigest(deps.keys, kind, next);
    },
  };
  kind.defaults(next, context);
  deps.rules.check(kind.schema, concealed(kind, next)); // sealed texts were checked as they came
  if (previous) refuse(immutableChanges(kind.schema, previous, next), "FIELD_IMMUTABLE");
  refuse(await dangling(deps, kind, next), "REFERENCE_NOT_FOUND");
  await kind.check(next, context);
  await kind.observe(next, context);
}

async function dangling(deps: PipelineDeps, kind: Kind, next: Resource): Promise<readonly Violation[]> {
  const { org: tenant, ownerRefs } = metadataOf(next);
  const violations: Violation[] = [];
  for (const reference of references(kind.schema, next)) {
    const at = { tenant, kind: reference.kind };
    const found = reference.byId
      ? await deps.store.get({ ...at, id: reference.value })
      : await deps.store.getByName({ ...at, name: reference.value });
    if (!found)
      violations.push({ field: reference.path, description: `there is no ${reference.kind} "${reference.value}"` });
  }
  for (const [at, owner] of ownerRefs.entries()) {
    const found = deps.kinds.named(owner.kind) && (await deps.store.get({ tenant, kind: owner.kind, id: owner.id }));
    if (!found)
      violations.push({ field: `metadata.ownerRefs[${at}]`, description: `there is no ${owner.kind} "${owner.id}"` });
  }
  return violations;
}

function refuse(violations: readonly Violation[], reason: Parameters<typeof invalid>[1]): void {
  if (violations.length > 0) throw invalid(violations, reason);
}
