import { randomBytes } from "node:crypto";
import { type Fault, invalid, isFault, precondition } from "@stigmer/base";
import { type McpServer, TokenRevocation } from "@stigmer/contracts/agentic";
import { requireKind } from "@stigmer/execution";
import { fromRow, metadataOf, type PipelineDeps, type Resource } from "@stigmer/resource";
import type { Authorization, Grant, SignIn, SignInRequest } from "./port.ts";
import { type FoundGrant, findGrant, type KeptGrant, planForget, planKeep, type ServerRef } from "./sign-in-rows.ts";

/** A server, as what uses it knows it: by name, at the URL that was pinned. */
export type SignedServer = { readonly org: string; readonly name: string; readonly url: string };

export type Begun = Omit<Authorization, "pending"> & { readonly expiresAt: number };

/** Who has signed in to which server, and with what. A token is for one server at one URL, and is masked wherever it might be shown. */
export interface SignIns {
  /** Begins a sign-in, which is kept in memory only. */
  begin(of: ServerRef, request: Omit<SignInRequest, "state">, signal: AbortSignal): Promise<Begun>;
  /** Ends a sign-in of this server, once, and answers with what is to be kept. Refuses a state that names no sign-in. */
  finish(of: ServerRef, said: Said, signal: AbortSignal): Promise<KeptGrant>;
  /**
   * Token for a server, renewed where it is about to end; empty where nobody has signed in at this URL. Refuses with
   * `SIGN_IN_REQUIRED` where it can't be renewed any more: it is then forgotten.
   */
  token(of: SignedServer): Promise<string>;
  /** Token in the place of one that the server refused; otherwise as `token`. */
  renewed(of: SignedServer, refused: string): Promise<string>;
  /** Asks the issuer to take a grant's tokens back, until the signal aborts, and says what became of that. Throws nothing. */
  revoke(grant: KeptGrant, signal: AbortSignal): Promise<TokenRevocation>;
}

/** What the browser was sent back with, and the URL that the server has now. */
export type Said = { readonly url: string; readonly state: string; readonly code: string; readonly iss: string };

export type SignInsDeps = {
  readonly resources: PipelineDeps;
  readonly signIn: SignIn;
  /** Masks these from now on; those that end may be forgotten at `until`. */
  readonly mask: (secrets: readonly string[], until?: number) => void;
};

const PENDING_MS = 10 * 60 * 1000;
const MOST_PENDING = 100;
/** A token that ends so soon is renewed before it is sent; one that never lasts so long in the second half of its life. */
const MARGIN_MS = 60_000;
const RENEWAL_MS = 60_000;
/** How long a token is masked after its end, as its issuer's clock may differ. */
const MASKED_AFTER_MS = 24 * 60 * 60 * 1000;
const MAX_TRIES = 16;

type Pending = ServerRef & { readonly url: string; readonly pending: string; readonly until: number };

export function createSignIns(deps: SignInsDeps): SignIns {
  const pending = new Map<string, Pending>();
  const renewing = new Map<string, Promise<string>>();
  const { clock } = deps.resources;
  const current = async (of: SignedServer, refused: string | undefined): Promise<string> => {
    const found = await locate(deps, of);
    if (!found) return "";
    if (isGood(found.grant, { refused, now: clock.now() })) return found.grant.accessToken;
    const key = JSON.stringify([of.org, found.id]);
    const renewal = renewing.get(key) ?? renew(deps, of, refused).finally(() => renewing.delete(key));
    renewing.set(key, renewal);
    return await renewal;
  };
  return {
    async begin(of, request, signal) {
      const state = randomBytes(32).toString("base64url");
      const { pending: kept, ...shown } = await deps.signIn.begin({ ...request, state }, signal);
      dropOld(pending, clock.monotonic());
      pending.set(state, { ...of, url: request.serverUrl, pending: kept, until: clock.monotonic() + PENDING_MS });
      return { ...shown, expiresAt: clock.now() + PENDING_MS };
    },
    async finish({ org, id }, { url, state, code, iss }, signal) {
      const begun = pending.get(state);
      if (begun?.org !== org || begun.id !== id || begun.until <= clock.monotonic()) throw noSuchSignIn();
      pending.delete(state); // once, however it ends
      if (begun.url !== url)
        throw precondition("SIGN_IN_FAILED", {}, { message: "the server's URL was changed since the sign-in began" });
      return keptOf(deps, url, await deps.signIn.finish(begun.pending, { code, iss }, signal));
    },
    token: (of) => current(of, undefined),
    renewed: current,
    revoke: (grant, signal) => revoke(deps, grant, signal),
  };
}

function dropOld(pending: Map<string, Pending>, now: number): void {
  for (const [state, { until }] of pending) if (until <= now || pending.size >= MOST_PENDING) pending.delete(state);
}

type Located = FoundGrant & ServerRef;

/** The grant for a server at this very URL. */
async function locate(
  { resources, mask }: SignInsDeps,
  { org, name, url }: SignedServer,
): Promise<Located | undefined> {
  const kind = requireKind(resources.kinds, "McpServer");
  const row = await resources.store.getByName({ tenant: org, kind: kind.options.kind, name });
  const server = row && (fromRow(kind, row) as Resource & McpServer);
  if (!server || server.status?.signIn?.url !== url) return undefined;
  const { id } = metadataOf(server);
  const found = await findGrant(resources, { org, id });
  if (found?.grant.url !== url) return undefined;
  mask([found.grant.accessToken], maskedUntil(found.grant.expiresAt));
  return { ...found, org, id };
}

type Standing = { readonly refused: string | undefined; readonly now: number };

function isGood({ accessToken, renewAt }: KeptGrant, { refused, now }: Standing): boolean {
  return accessToken !== refused && !endsBy(renewAt, now);
}

function endsBy(expiresAt: number, time: number): boolean {
  return expiresAt > 0 && expiresAt <= time;
}

/** Looks again first: whoever came before may have renewed it. */
async function renew(deps: SignInsDeps, of: SignedServer, refused: string | undefined): Promise<string> {
  const { clock } = deps.resources;
  const found = await locate(deps, of);
  if (!found) return "";
  const { grant } = found;
  if (isGood(grant, { refused, now: clock.now() })) return grant.accessToken;
  const isUsable = grant.accessToken !== refused && !endsBy(grant.expiresAt, clock.now());
  try {
    if (!grant.renewal) throw signInRequired(of.name);
    return await renewNow(deps, found);
  } catch (error) {
    if (!isFault(error, "SIGN_IN_REQUIRED")) {
      if (isUsable && isFault(error, "TOOL_SERVER_FAILED")) return grant.accessToken;
      throw error;
    }
    if (isUsable) return grant.accessToken;
    await forget(deps, found);
    throw signInRequired(of.name);
  }
}

async function renewNow(deps: SignInsDeps, found: Located): Promise<string> {
  // Many may wait for it, so no caller's signal ends it.
  const grant = await deps.signIn.refresh(found.grant.renewal, AbortSignal.timeout(RENEWAL_MS));
  const kept = keptOf(deps, found.grant.url, grant);
  await committed(deps, () => planKeep(deps.resources, found, { grant: kept, version: found.version }));
  return kept.accessToken;
}

async function revoke(
  { signIn, resources }: SignInsDeps,
  { revocation }: KeptGrant,
  signal: AbortSignal,
): Promise<TokenRevocation> {
  if (!revocation) return TokenRevocation.NOT_OFFERED; // nor had a grant of an earlier version one
  try {
    await signIn.revoke(revocation, signal);
    return TokenRevocation.REVOKED;
  } catch (error) {
    resources.log.warn({ err: error }, "the tokens of a sign-in were not taken back by their issuer");
    return TokenRevocation.FAILED;
  }
}

async function forget(deps: SignInsDeps, found: Located): Promise<void> {
  await committed(deps, () => planForget(deps.resources, found, { version: found.version }));
}

/** Plans and commits, again where the server has changed meanwhile; not where its grant has: another sign-in or a logout counts more. */
async function committed({ resources }: SignInsDeps, plan: () => ReturnType<typeof planKeep>): Promise<void> {
  for (let count = 1; ; count++) {
    const { batch, preconditions } = await plan();
    try {
      return void (await resources.store.commit(batch, [...preconditions]));
    } catch (error) {
      if (!isFault(error, "VERSION_MOVED")) throw error;
      if (count === MAX_TRIES) return resources.log.warn({ err: error }, "a renewed sign-in was not kept");
    }
  }
}

function keptOf({ resources, mask }: SignInsDeps, url: string, { lifetimeMs, ...grant }: Grant): KeptGrant {
  const expiresAt = lifetimeMs === undefined ? 0 : resources.clock.now() + lifetimeMs;
  mask([grant.accessToken], maskedUntil(expiresAt));
  if (lifetimeMs === undefined) return { ...grant, url, expiresAt, renewAt: 0 };
  return { ...grant, url, expiresAt, renewAt: expiresAt - Math.min(MARGIN_MS, lifetimeMs / 2) };
}

/** One without an end is masked for good. */
function maskedUntil(expiresAt: number): number | undefined {
  return expiresAt > 0 ? expiresAt + MASKED_AFTER_MS : undefined;
}

export function signInRequired(server: string): Fault {
  const message = `the MCP server "${server}" wants to know who you are; sign in: stigmer mcp login ${server}`;
  return precondition("SIGN_IN_REQUIRED", { server }, { message });
}

function noSuchSignIn(): Error {
  return invalid([{ field: "state", description: "names no sign-in of this server that is under way; begin anew" }]);
}
