import {
  type AuthorizationServerMetadata,
  checkResourceAllowed,
  discoverAuthorizationServerMetadata,
  discoverOAuthProtectedResourceMetadata,
  extractWWWAuthenticateParams,
} from "@modelcontextprotocol/client";
import { isFault } from "@stigmer/base";
import type { GuardedFetch } from "./guarded-fetch.ts";
import { checkEndpoint } from "./network-rules.ts";
import { failed } from "./oauth-faults.ts";
import { withSafeRevocation } from "./revoke.ts";

/** Who signs people in to a server, and for what. */
export type Discovered = {
  readonly authorizationServerUrl: string;
  readonly metadata: AuthorizationServerMetadata;
  /** As the server writes it. */
  readonly resource: string;
  /** Those that the server names, none where it names none. */
  readonly scopes: readonly string[];
};

/** A server, and who signs people in to it; empty where that is for the server to say. */
export type Asked = { readonly serverUrl: string; readonly issuer: string };

/**
 * Asks the server, then whom it names. Refuses where either says what does not fit the other, where PKCE is not promised, and
 * where the server names another issuer than it is to have, or an issuer with endpoints elsewhere.
 */
export async function discover({ serverUrl, issuer }: Asked, fetchFn: GuardedFetch): Promise<Discovered> {
  const challenge = await challengeOf(serverUrl, fetchFn);
  const said = await resourceOf(serverUrl, challenge.resourceMetadataUrl, fetchFn);
  const resource = said?.resource ?? ownResource(serverUrl);
  if (!checkResourceAllowed({ requestedResource: ownResource(serverUrl), configuredResource: resource }))
    throw failed("the server's metadata speak of another resource than the server");
  const named = said?.authorization_servers ?? [];
  const authorizationServerUrl = chosen(named.length > 0 ? named : [new URL("/", serverUrl).href], issuer);
  const metadata = await discoverAuthorizationServerMetadata(authorizationServerUrl, { fetchFn });
  if (!metadata) throw failed("who signs people in to the server publishes no metadata");
  checkMetadata(metadata);
  checkIssuer(metadata, issuer);
  const scopes = challenge.scope?.split(" ").filter(Boolean) ?? said?.scopes_supported ?? [];
  const safe = withSafeRevocation(metadata, { isNamed: issuer !== "" });
  return { authorizationServerUrl, metadata: safe, resource, scopes };
}

type Challenge = { readonly resourceMetadataUrl?: URL; readonly scope?: string };

/** What the server says to who brings no token. */
async function challengeOf(serverUrl: string, fetchFn: GuardedFetch): Promise<Challenge> {
  const headers = { "content-type": "application/json", accept: "application/json, text/event-stream" };
  const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "ping" });
  const response = await fetchFn(serverUrl, { method: "POST", headers, body });
  return response.status === 401 && response.headers.has("www-authenticate")
    ? extractWWWAuthenticateParams(response)
    : {};
}

async function resourceOf(serverUrl: string, resourceMetadataUrl: URL | undefined, fetchFn: GuardedFetch) {
  try {
    const options = resourceMetadataUrl && { resourceMetadataUrl };
    return await discoverOAuthProtectedResourceMetadata(serverUrl, options, fetchFn);
  } catch (error) {
    // A server that names none may have none: it is then its own.
    if (resourceMetadataUrl || isFault(error)) throw error;
    return undefined;
  }
}

function ownResource(serverUrl: string): string {
  const url = new URL(serverUrl);
  url.hash = "";
  return url.href;
}

function checkMetadata(metadata: AuthorizationServerMetadata): void {
  if (!metadata.code_challenge_methods_supported?.includes("S256"))
    throw failed("who signs people in to the server does not promise PKCE with S256");
  const { issuer, authorization_endpoint, token_endpoint, registration_endpoint } = metadata;
  const named = [issuer, authorization_endpoint, token_endpoint, registration_endpoint];
  for (const url of named) if (url !== undefined) checkEndpoint(new URL(url));
}

function chosen(named: readonly string[], issuer: string): string {
  const [first] = issuer ? named.filter((one) => isSameIssuer(one, issuer)) : named;
  if (first === undefined) throw failed("the server names another issuer than its oauth.issuer");
  return first;
}

/** An endpoint elsewhere would get what a person agreed to with somebody else: a code, and a client's secret. */
function checkIssuer(metadata: AuthorizationServerMetadata, wanted: string): void {
  const { issuer, authorization_endpoint, token_endpoint, registration_endpoint = issuer } = metadata;
  if (wanted && !isSameIssuer(issuer, wanted)) throw failed("the server names another issuer than its oauth.issuer");
  const { origin } = new URL(issuer);
  const isOwn = [authorization_endpoint, token_endpoint, registration_endpoint].every(
    (url) => new URL(url).origin === origin,
  );
  if (!wanted && !isOwn)
    throw failed("who signs people in has endpoints on other hosts: where that is right, name it in oauth.issuer");
}

/** But for a slash at the end, which some write and some don't. */
function isSameIssuer(one: string, other: string): boolean {
  const [a, b] = [one, other].map((issuer) => new URL(issuer).href.replace(/\/$/, ""));
  return a === b;
}
