import { notFound } from "@stigmer/base";
import type { Reader, Row, RowContent } from "@stigmer/store";
import type { Kind } from "./kind.ts";
import type { Keys } from "./port.ts";
import { specDigest } from "./spec-digest.ts";
import { fromRow } from "./stored.ts";

/** The kinds of rows under which the revisions and tags of a kind's resources stand; their parent is the resource. */
export const revisionKind = (kind: Kind): string => `${kind.options.kind}/revision`;
export const tagKind = (kind: Kind): string => `${kind.options.kind}/tag`;
/** The kind of rows that hold what is sealed with a resource's data key beside the resource, their parent. They are purged with it. */
export const sealedKind = (kind: Kind): string => `${kind.options.kind}/sealed`;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/**
 * The row that keeps what a stored version was, for the commit that replaces its spec; undefined where it is kept
 * already. The newest revision is the resource itself.
 */
export async function keptRevision(
  of: { readonly read: Reader; readonly keys: Keys },
  kind: Kind,
  row: Row,
): Promise<RowContent | undefined> {
  if (!kind.options.revisions) return undefined;
  const { tenant, id } = row;
  const digest = specDigest(of.keys, kind, fromRow(kind, row));
  const key = { tenant, kind: revisionKind(kind), id: `${id}/${digest}` };
  if (await of.read.get(key)) return undefined;
  return { ...key, name: "", parent: id, labels: {}, bytes: row.bytes };
}

/** The row that gives a revision a name. */
export function tagRow(kind: Kind, row: Row, tag: { readonly name: string; readonly digest: string }): RowContent {
  const id = `${row.id}/${tag.name}`;
  const bytes = encoder.encode(tag.digest);
  return { tenant: row.tenant, kind: tagKind(kind), id, name: "", parent: row.id, labels: {}, bytes };
}

/**
 * The row of a resource as it was in a revision, named by digest or tag; as it is now where neither is given. Its version is
 * that of the resource as it is now.
 */
export async function atRevision(
  of: { readonly read: Reader; readonly keys: Keys },
  kind: Kind,
  at: { readonly row: Row; readonly revision: string },
): Promise<{ readonly row: Row; readonly digest: string }> {
  const { row, revision } = at;
  const current = digestOfRow(of.keys, kind, row);
  if (!revision) return { row, digest: current };
  const digest = revision.startsWith("sha256:") ? revision : await taggedDigest(of.read, kind, at);
  if (digest === current) return { row, digest };
  const kept = await of.read.get({ tenant: row.tenant, kind: revisionKind(kind), id: `${row.id}/${digest}` });
  if (!kept) throw missing(kind, at);
  return { row: { ...row, bytes: kept.bytes }, digest };
}

/** Digests of versions that were asked for last: each start of an execution asks for its agent's. */
const known = new WeakMap<Keys, Map<string, string>>();
const MOST_KNOWN = 1_024;

function digestOfRow(keys: Keys, kind: Kind, row: Row): string {
  const digests = known.get(keys) ?? new Map<string, string>();
  known.set(keys, digests);
  const key = `${row.tenant}/${row.kind}/${row.id}/${row.version}`;
  const digest = digests.get(key) ?? specDigest(keys, kind, fromRow(kind, row));
  digests.set(key, digest);
  for (const oldest of digests.keys()) {
    if (digests.size <= MOST_KNOWN) break;
    digests.delete(oldest);
  }
  return digest;
}

async function taggedDigest(
  read: Reader,
  kind: Kind,
  at: { readonly row: Row; readonly revision: string },
): Promise<string> {
  const { row, revision } = at;
  const tag = await read.get({ tenant: row.tenant, kind: tagKind(kind), id: `${row.id}/${revision}` });
  if (!tag) throw missing(kind, at);
  return decoder.decode(tag.bytes);
}

function missing(kind: Kind, { row, revision }: { readonly row: Row; readonly revision: string }): Error {
  const message = `${kind.options.kind.toLowerCase()} "${row.name}" has no revision or tag "${revision}"`;
  return notFound("RESOURCE_NOT_FOUND", { kind: kind.options.kind, name: row.name, revision }, { message });
}
