import { clone, equals, type Message } from "@bufbuild/protobuf";
import { exists, invalid, notFound, type Violation } from "@stigmer/base";
import type { Reader, Row } from "@stigmer/store";
import type { Call } from "../call.ts";
import { messageDigest } from "../digest.ts";
import type { HookContext, Kind, Resource } from "../kind.ts";
import type { PipelineDeps } from "../pipeline.ts";
import { fromRow, metadataOf, stampNew, stampTouched } from "../stored.ts";
import { immutableChanges, references } from "../validate.ts";

/** The row of a kind with this id; `RESOURCE_NOT_FOUND` where there is none. */
export async function requireById(
  read: Reader,
  kind: Kind,
  at: { readonly org: string; readonly id: string },
): Promise<Row> {
  const row = await read.get({ tenant: at.org, kind: kind.options.kind, id: at.id });
  if (!row) throw missing(kind, at.id);
  return row;
}

/** The row of a kind with this name; `RESOURCE_NOT_FOUND` where there is none. */
export async function requireByName(
  read: Reader,
  kind: Kind,
  at: { readonly org: string; readonly name: string },
): Promise<Row> {
  const row = await read.getByName({ tenant: at.org, kind: kind.options.kind, name: at.name });
  if (!row) throw missing(kind, at.name);
  return row;
}

function missing(kind: Kind, name: string): Error {
  return notFound(
    "RESOURCE_NOT_FOUND",
    { kind: kind.options.kind, name },
    { message: `${kind.options.kind.toLowerCase()} "${name}" not found` },
  );
}

/** A new resource as it will be stored: stamped, defaulted and checked whole. */
export async function newObject(deps: PipelineDeps, kind: Kind, request: Resource, call: Call): Promise<Resource> {
  const next = clone(kind.schema, request) as Resource;
  const metadata = metadataOf(next);
  const name = metadata.name || (metadata.generateName && `${metadata.generateName}${deps.ids.suffix()}`);
  if (!name) throw invalid([{ field: "metadata.name", description: "is required" }]);
  if (await deps.store.getByName({ tenant: call.org, kind: kind.options.kind, name })) {
    const message = `${kind.options.kind.toLowerCase()} "${name}" exists already`;
    throw exists("RESOURCE_EXISTS", { kind: kind.options.kind, name }, { message });
  }
  const birth = {
    id: deps.ids.mint(kind.options.idPrefix),
    org: call.org,
    name,
    subject: call.caller.subject,
    now: deps.clock.now(),
  };
  stampNew(kind, next, birth);
  await finish(deps, kind, next, undefined);
  return next;
}

/**
 * The next version of a resource: spec, labels, annotations and display name are the request's, the rest stays. Answers
 * `undefined` where nothing would change.
 */
export async function nextObject(
  deps: PipelineDeps,
  kind: Kind,
  change: { readonly row: Row; readonly request: Resource; readonly call: Call },
): Promise<Resource | undefined> {
  const previous = fromRow(kind, change.row);
  const next = clone(kind.schema, previous) as Resource;
  const wanted = metadataOf(change.request);
  const metadata = metadataOf(next);
  Object.assign(metadata, {
    labels: { ...wanted.labels },
    annotations: { ...wanted.annotations },
    displayName: wanted.displayName,
  });
  // The request stays as it came: its digest is taken again where its idempotency key comes again.
  const { spec } = clone(kind.schema, change.request) as Resource;
  if (spec) next.spec = spec;
  await finish(deps, kind, next, previous);
  if (!equalSpecs(kind, previous, next)) metadata.generation += 1n;
  if (equals(kind.schema, previous, next)) return undefined;
  stampTouched(kind, next, { subject: change.call.caller.subject, now: deps.clock.now() });
  return next;
}

function equalSpecs(kind: Kind, a: Resource, b: Resource): boolean {
  const schema = kind.specField.message;
  return schema !== undefined && equals(schema, a.spec as Message, b.spec as Message);
}

async function finish(deps: PipelineDeps, kind: Kind, next: Resource, previous: Resource | undefined): Promise<void> {
  const context: HookContext = { previous, specDigest: specDigest(kind, next), read: deps.store };
  kind.defaults(next, context);
  deps.rules.check(kind.schema, next);
  if (previous) refuse(immutableChanges(kind.schema, previous, next), "FIELD_IMMUTABLE");
  refuse(await dangling(deps, kind, next), "REFERENCE_NOT_FOUND");
  const stored = { ...context, specDigest: specDigest(kind, next) };
  await kind.check(next, stored);
  kind.observe(next, stored);
}

function specDigest(kind: Kind, resource: Resource): string {
  const schema = kind.specField.message;
  return schema && resource.spec ? messageDigest(schema, resource.spec) : "";
}

async function dangling(deps: PipelineDeps, kind: Kind, next: Resource): Promise<readonly Violation[]> {
  const violations: Violation[] = [];
  const tenant = metadataOf(next).org;
  for (const reference of references(kind.schema, next)) {
    const at = { tenant, kind: reference.kind };
    const found = reference.byId
      ? await deps.store.get({ ...at, id: reference.value })
      : await deps.store.getByName({ ...at, name: reference.value });
    if (!found)
      violations.push({ field: reference.path, description: `there is no ${reference.kind} "${reference.value}"` });
  }
  return violations;
}

function refuse(violations: readonly Violation[], reason: Parameters<typeof invalid>[1]): void {
  if (violations.length > 0) throw invalid(violations, reason);
}
