import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import {
  type McpServer,
  McpServerStatusSchema,
  type SignedIn,
  SignedInSchema,
  type SignedOut,
} from "@stigmer/contracts/agentic";
import { requireKind } from "@stigmer/execution";
import {
  fromRow,
  metadataOf,
  type PipelineDeps,
  type Resource,
  requireById,
  sealedKind,
  toRow,
} from "@stigmer/resource";
import type { Batch, Precondition, Row } from "@stigmer/store";
import type { Grant } from "./port.ts";

/** An MCP server, whose sign-in it is. */
export type ServerRef = { readonly org: string; readonly id: string };

/** A grant as it is kept: sealed, and bound to a URL. */
export type KeptGrant = Omit<Grant, "lifetimeMs"> & {
  readonly url: string;
  /** When the access token ends, in milliseconds; 0 where that is not known. */
  readonly expiresAt: number;
  /** When it is to be renewed, in milliseconds; 0 where that is not known. */
  readonly renewAt: number;
};

export type FoundGrant = { readonly grant: KeptGrant; readonly version: number };

/** What a commit stores, and the server as it is then. */
export type SignInPlan = {
  readonly batch: Batch;
  readonly preconditions: readonly Precondition[];
  readonly server: Resource & McpServer;
};

const PATH = "grant";

/** The server's grant; undefined where nobody has signed in. */
export async function findGrant(deps: PipelineDeps, of: ServerRef): Promise<FoundGrant | undefined> {
  const row = await deps.store.get(rowKey(deps, of));
  return row && { grant: await opened(deps, of, row), version: row.version };
}

/** The same for who only wants to be rid of it: without the grant where it can't be opened any more. */
export async function findGrantToForget(
  deps: PipelineDeps,
  of: ServerRef,
): Promise<(Partial<FoundGrant> & Pick<FoundGrant, "version">) | undefined> {
  const row = await deps.store.get(rowKey(deps, of));
  if (!row) return undefined;
  try {
    return { grant: await opened(deps, of, row), version: row.version };
  } catch (error) {
    deps.log.warn({ err: error }, "a sign-in that can't be opened is forgotten");
    return { version: row.version };
  }
}

async function opened(deps: PipelineDeps, of: ServerRef, row: Row): Promise<KeptGrant> {
  const key = await deps.dataKeys.forOpening(ownerOf(of));
  return JSON.parse(key.open(PATH, Buffer.from(row.bytes).toString())) as KeptGrant;
}

/** Stores a grant and what the server's status says of it in one commit; with a version only while the row of the old one has it. */
export async function planKeep(
  deps: PipelineDeps,
  of: ServerRef,
  { grant, version }: { readonly grant: KeptGrant; readonly version?: number },
): Promise<SignInPlan> {
  const found = await serverAt(deps, of);
  const at = rowKey(deps, of);
  const known = version ?? (await deps.store.get(at))?.version ?? 0;
  const { key, puts, preconditions } = await deps.dataKeys.forSealing(ownerOf(of));
  const bytes = Buffer.from(key.seal(PATH, JSON.stringify(grant)));
  const row = { ...at, name: "", parent: of.id, labels: {}, bytes };
  const signInTime = version === undefined ? undefined : found.server.status?.signIn?.signInTime;
  const signIn = create(SignedInSchema, {
    ...{ url: grant.url, issuer: grant.issuer, scopes: [...grant.scopes] },
    signInTime: signInTime ?? timestampFromMs(deps.clock.now()),
    ...(grant.expiresAt > 0 && { expireTime: timestampFromMs(grant.expiresAt) }),
  });
  const { server, put, precondition } = withStatus(deps, found, { signIn });
  return {
    batch: { puts: [row, put, ...puts] },
    preconditions: [precondition, { row: at, version: known }, ...preconditions],
    server,
  };
}

export type Forgetting = {
  /** Only while the grant's row has this version; 0 while there is none. */
  readonly version?: number | undefined;
  /** How a person signed out; undefined where nobody did. */
  readonly signOut?: SignedOut | undefined;
};

/** Removes a grant, and what the server's status says of it. */
export async function planForget(
  deps: PipelineDeps,
  of: ServerRef,
  { version, signOut }: Forgetting,
): Promise<SignInPlan> {
  const at = rowKey(deps, of);
  const found = await serverAt(deps, of);
  const known = version ?? (await deps.store.get(at))?.version ?? 0;
  const hasStatus = found.server.status?.signIn !== undefined;
  if (known === 0 && !hasStatus) return { batch: {}, preconditions: [], server: found.server };
  const { server, put, precondition } = withStatus(deps, found, { signOut });
  const deletes = known > 0 ? [at] : [];
  return { batch: { puts: [put], deletes }, preconditions: [precondition, { row: at, version: known }], server };
}

type Found = { readonly row: Row; readonly server: Resource & McpServer };

async function serverAt({ kinds, store }: PipelineDeps, of: ServerRef): Promise<Found> {
  const kind = requireKind(kinds, "McpServer");
  const row = await requireById(store, kind, of);
  return { row, server: fromRow(kind, row) as Resource & McpServer };
}

function withStatus(
  { kinds }: PipelineDeps,
  { row, server }: Found,
  { signIn, signOut }: { readonly signIn?: SignedIn; readonly signOut?: SignedOut | undefined },
) {
  const kind = requireKind(kinds, "McpServer");
  const { signIn: _, signOut: __, ...status } = server.status ?? create(McpServerStatusSchema);
  server.status = create(McpServerStatusSchema, { ...status, ...(signIn && { signIn }), ...(signOut && { signOut }) });
  metadataOf(server).resourceVersion = "";
  return { server, put: toRow(kind, row.tenant, server), precondition: { row, version: row.version } };
}

function ownerOf({ org, id }: ServerRef) {
  return { org, kind: "McpServer", id };
}

function rowKey({ kinds }: PipelineDeps, { org, id }: ServerRef) {
  return { tenant: org, kind: sealedKind(requireKind(kinds, "McpServer")), id };
}
