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

/** Who signs people in to a server, and for what. */
export type Discovered = {
  readonly authorizationServerUrl: string;
  readonly metadata: AuthorizationServerMetadata;
  /** As the server writes it. */
  readonly resource: string;
  /** Those that the server names, none where it names none. */
  readonly scopes: readonly string[];
};

/** Asks the server, then whom it names. Refuses where either says what does not fit the other, or where PKCE is not promised. */
export async function discover(serverUrl: string, fetchFn: GuardedFetch): Promise<Discovered> {
  const challenge = await challengeOf(serverUrl, fetchFn);
  const said = await resourceOf(serverUrl, challenge.resourceMetadataUrl, fetchFn);
  const resource = said?.resource ?? ownResource(serverUrl);
  if (!checkResourceAllowed({ requestedResource: ownResource(serverUrl), configuredResource: resource }))
    throw failed("the server's metadata speak of another resource than the server");
  const authorizationServerUrl = said?.authorization_servers?.[0] ?? new URL("/", serverUrl).href;
  const metadata = await discoverAuthorizationServerMetadata(authorizationServerUrl, { fetchFn });
  if (!metadata) throw failed("who signs people in to the server publishes no metadata");
  checkMetadata(metadata);
  const scopes = challenge.scope?.split(" ").filter(Boolean) ?? said?.scopes_supported ?? [];
  return { authorizationServerUrl, metadata, resource, scopes };
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
