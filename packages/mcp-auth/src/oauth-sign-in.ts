import {
  type AuthorizationServerMetadata,
  exchangeAuthorization,
  type OAuthClientInformationMixed,
  type OAuthTokens,
  refreshAuthorization,
  registerClient,
  startAuthorization,
} from "@modelcontextprotocol/client";
import type { Authorization, Callback, Grant, SignIn, SignInRequest } from "@stigmer/capability/port";
import { discover } from "./discover.ts";
import { createGuardedFetch, type GuardedFetch, type Resolve } from "./guarded-fetch.ts";
import { checkEndpoint } from "./network-rules.ts";
import { failed, renewalFault, signInFault } from "./oauth-faults.ts";
import { type Revocation, revocationOf, revoke } from "./revoke.ts";

export type SignInOptions = {
  /** Longest that one request may take; 10 s unless told. */
  readonly requestTimeoutMs?: number;
  /** Looks a host's addresses up; the machine's resolver unless told. */
  readonly resolve?: Resolve;
};

/** What stays the same over the life of a grant. */
type Party = {
  readonly serverUrl: string;
  readonly authorizationServerUrl: string;
  readonly metadata: AuthorizationServerMetadata;
  readonly client: OAuthClientInformationMixed;
  /** As the server writes it. */
  readonly resource: string;
  readonly scopes: readonly string[];
};
type Pending = Party & { readonly codeVerifier: string; readonly redirectUri: string };
type Renewal = Party & { readonly refreshToken: string };

/**
 * Signs people in by OAuth 2.1 as the MCP specification's authorization says it: PKCE with S256 and the `resource` parameter always,
 * the issuer checked. A client that was registered beforehand is shown to the issuer that the request names only; where it names
 * none, every endpoint has the issuer's origin. Requests go by `https`, by `http` to a loopback host only; no redirect is followed, no answer is read past
 * 1 MiB, and private addresses are reached only where the server itself stands on one.
 */
export function createOAuthSignIn(options: SignInOptions = {}): SignIn {
  const fetchFor = (serverUrl: string, signal: AbortSignal): GuardedFetch =>
    createGuardedFetch({ serverUrl, signal, timeoutMs: options.requestTimeoutMs ?? 10_000, resolve: options.resolve });
  return {
    async begin(request, signal) {
      return await begin(request, fetchFor(request.serverUrl, signal)).catch((error) => {
        throw signInFault(error, signal);
      });
    },
    async finish(pending, callback, signal) {
      const party = JSON.parse(pending) as Pending;
      return await finish(party, callback, fetchFor(party.serverUrl, signal)).catch((error) => {
        throw signInFault(error, signal);
      });
    },
    async refresh(renewal, signal) {
      const party = JSON.parse(renewal) as Renewal;
      return await refresh(party, fetchFor(party.serverUrl, signal)).catch((error) => {
        throw renewalFault(error, signal);
      });
    },
    async revoke(revocation, signal) {
      const asked = JSON.parse(revocation) as Revocation;
      await revoke(asked, fetchFor(asked.serverUrl, signal)).catch((error) => {
        throw signInFault(error, signal);
      });
    },
  };
}

async function begin(request: SignInRequest, fetchFn: GuardedFetch): Promise<Authorization> {
  const { serverUrl, redirectUri, state } = request;
  if (request.clientId && !request.issuer)
    throw failed("nobody says who knows the client: name who signs people in in the server's oauth.issuer");
  const { scopes: named, ...found } = await discover({ serverUrl, issuer: request.issuer }, fetchFn);
  const { authorizationServerUrl, metadata, resource } = found;
  const scopes = request.scopes.length > 0 ? request.scopes : withRenewal(named, metadata);
  const scope = scopes.length > 0 ? { scope: scopes.join(" ") } : {};
  const client = await clientOf(request, { ...found, ...scope }, fetchFn);
  const asked = { metadata, clientInformation: client, redirectUrl: redirectUri, state, resource, ...scope };
  const { authorizationUrl, codeVerifier } = await startAuthorization(authorizationServerUrl, asked);
  checkEndpoint(authorizationUrl);
  const pending: Pending = { ...found, serverUrl, client, scopes, codeVerifier, redirectUri };
  return { url: authorizationUrl.href, issuer: metadata.issuer, scopes, pending: JSON.stringify(pending) };
}

/** Who lists the scope `offline_access` renews nothing without it. */
function withRenewal(
  scopes: readonly string[],
  { scopes_supported = [] }: AuthorizationServerMetadata,
): readonly string[] {
  const isMissing = scopes_supported.includes(RENEWAL_SCOPE) && !scopes.includes(RENEWAL_SCOPE);
  return isMissing && scopes.length > 0 ? [...scopes, RENEWAL_SCOPE] : scopes;
}

type Registering = {
  readonly authorizationServerUrl: string;
  readonly metadata: AuthorizationServerMetadata;
  readonly scope?: string;
};

async function clientOf(
  { clientId, clientSecret, redirectUri }: SignInRequest,
  { authorizationServerUrl, metadata, ...scope }: Registering,
  fetchFn: GuardedFetch,
): Promise<OAuthClientInformationMixed> {
  if (clientId) return { client_id: clientId, ...(clientSecret && { client_secret: clientSecret }) };
  if (!metadata.registration_endpoint)
    throw failed(
      "who signs people in registers no clients: register one there, and name it in the server's oauth.clientId and oauth.issuer",
    );
  const clientMetadata = {
    client_name: "Stigmer",
    redirect_uris: [redirectUri],
    grant_types: ["authorization_code", "refresh_token"],
    response_types: ["code"],
    token_endpoint_auth_method: "none",
    application_type: "native",
  };
  const { client_id, client_secret } = await registerClient(authorizationServerUrl, {
    ...{ metadata, clientMetadata, fetchFn, ...(scope.scope !== undefined && { scope: scope.scope }) },
  });
  return { client_id, ...(client_secret && { client_secret }) };
}

async function finish(
  { codeVerifier, redirectUri, ...party }: Pending,
  { code, iss }: Callback,
  fetchFn: GuardedFetch,
): Promise<Grant> {
  const { authorizationServerUrl, metadata, client, resource } = party;
  const tokens = await exchangeAuthorization(authorizationServerUrl, {
    ...{ metadata, clientInformation: client, authorizationCode: code, codeVerifier, redirectUri, resource, fetchFn },
    ...(iss && { iss }),
  });
  return grantOf(party, tokens);
}

async function refresh({ refreshToken, ...party }: Renewal, fetchFn: GuardedFetch): Promise<Grant> {
  const { authorizationServerUrl, metadata, client, resource } = party;
  const request = { metadata, clientInformation: client, refreshToken, resource, fetchFn };
  return grantOf(party, await refreshAuthorization(authorizationServerUrl, request));
}

const RENEWAL_SCOPE = "offline_access";
/** Nothing but visible ASCII: it becomes a header. */
const TOKEN = /^[\x21-\x7e]{1,16384}$/;
const SCOPE = /^[\x21\x23-\x5b\x5d-\x7e]{1,256}$/;
const MAX_SCOPES = 256;

function grantOf(party: Party, tokens: OAuthTokens): Grant {
  const { access_token: accessToken, token_type, expires_in, refresh_token, scope } = tokens;
  if (token_type.toLowerCase() !== "bearer") throw failed("the token that was granted is no bearer token");
  if (!TOKEN.test(accessToken)) throw failed("the token that was granted can't be sent in a header");
  // Some leave out of what they grant the scope that a token for renewals proves.
  const isRenewable = refresh_token !== undefined && party.scopes.includes(RENEWAL_SCOPE);
  const named = scope?.split(" ").filter((one) => SCOPE.test(one));
  const granted = named && isRenewable ? new Set([...named, RENEWAL_SCOPE]) : (named ?? party.scopes);
  const scopes = [...granted].slice(0, MAX_SCOPES);
  const renewal = refresh_token ? JSON.stringify({ ...party, scopes, refreshToken: refresh_token }) : "";
  const lifetimeMs = expires_in === undefined ? undefined : Math.max(0, expires_in * 1000);
  const taken = revocationOf(party, tokens);
  const revocation = taken ? JSON.stringify(taken) : "";
  return { accessToken, issuer: party.metadata.issuer, scopes, lifetimeMs, renewal, revocation };
}
