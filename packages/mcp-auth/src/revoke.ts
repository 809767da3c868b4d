import {
  type AuthorizationServerMetadata,
  type OAuthClientInformationMixed,
  type OAuthTokens,
  selectClientAuthMethod,
} from "@modelcontextprotocol/client";
import type { GuardedFetch } from "./guarded-fetch.ts";
import { checkEndpoint } from "./network-rules.ts";
import { failed } from "./oauth-faults.ts";

/** Tokens, and who takes them back. */
export type Revocation = {
  readonly serverUrl: string;
  readonly endpoint: string;
  /** How clients show there who they are; empty where nobody says. */
  readonly methods: readonly string[];
  readonly client: OAuthClientInformationMixed;
  readonly accessToken: string;
  /** Empty where there is none. */
  readonly refreshToken: string;
};

type Granted = {
  readonly serverUrl: string;
  readonly metadata: AuthorizationServerMetadata;
  readonly client: OAuthClientInformationMixed;
};

/** What takes these tokens back; undefined where the issuer offers nothing. */
export function revocationOf({ serverUrl, metadata, client }: Granted, tokens: OAuthTokens): Revocation | undefined {
  const said = saidOf(metadata);
  if (!said.endpoint) return undefined;
  return { ...said, serverUrl, client, accessToken: tokens.access_token, refreshToken: tokens.refresh_token ?? "" };
}

/**
 * The metadata without an endpoint that tokens may not be shown to: one that is not reached safely, or one of another origin than the
 * issuer, unless a person named the issuer. Nobody fails to sign in for that, and nothing is ever sent there.
 */
export function withSafeRevocation(
  metadata: AuthorizationServerMetadata,
  { isNamed }: { readonly isNamed: boolean },
): AuthorizationServerMetadata {
  const { endpoint } = saidOf(metadata);
  if (endpoint && isSafe(endpoint) && (isNamed || new URL(endpoint).origin === new URL(metadata.issuer).origin))
    return metadata;
  return { ...metadata, revocation_endpoint: undefined };
}

/**
 * Asks the issuer to take the tokens back, as RFC 7009 says it: what renews first, as the access token goes with it at most issuers,
 * then the access token. Refuses where either is not taken back; an issuer that knows only the former is no refusal.
 */
export async function revoke(revocation: Revocation, fetchFn: GuardedFetch): Promise<void> {
  const { accessToken, refreshToken } = revocation;
  if (refreshToken) await revokeOne(revocation, { token: refreshToken, hint: "refresh_token" }, fetchFn);
  const error = await errorOf(revocation, { token: accessToken, hint: "access_token" }, fetchFn);
  if (error && !(refreshToken && error === UNSUPPORTED)) throw refused(error);
}

const UNSUPPORTED = "unsupported_token_type";

type One = { readonly token: string; readonly hint: "refresh_token" | "access_token" };

async function revokeOne(revocation: Revocation, one: One, fetchFn: GuardedFetch): Promise<void> {
  const error = await errorOf(revocation, one, fetchFn);
  if (error) throw refused(error);
}

/** Empty where the token is taken back, or was not known: for the issuer that is the same. */
async function errorOf(
  { endpoint, methods, client }: Revocation,
  { token, hint }: One,
  fetchFn: GuardedFetch,
): Promise<string> {
  const headers = new Headers({ "content-type": "application/x-www-form-urlencoded", accept: "application/json" });
  const body = new URLSearchParams({ token, token_type_hint: hint });
  const { client_id, client_secret = "" } = client;
  const method = selectClientAuthMethod(client, [...methods]);
  if (method === "client_secret_basic") headers.set("authorization", `Basic ${btoa(`${client_id}:${client_secret}`)}`);
  else body.set("client_id", client_id);
  if (method === "client_secret_post" && client_secret) body.set("client_secret", client_secret);
  const response = await fetchFn(endpoint, { method: "POST", headers, body });
  return response.ok ? "" : await nameOf(response);
}

/** Nothing that a stranger wrote but an error's name. */
async function nameOf(response: Response): Promise<string> {
  const said: unknown = await response.json().catch(() => undefined);
  const error = typeof said === "object" && said !== null && "error" in said ? said.error : undefined;
  return typeof error === "string" && /^[a-z_]{1,64}$/.test(error) ? error : `HTTP ${response.status}`;
}

function refused(error: string): Error {
  return failed(`who signs people in does not take the tokens back: ${error}`);
}

type Said = Pick<Revocation, "endpoint" | "methods">;

function saidOf(metadata: AuthorizationServerMetadata): Said {
  // OpenID's metadata may have these too, though its schema does not say so.
  const endpoint = "revocation_endpoint" in metadata ? metadata.revocation_endpoint : undefined;
  const own =
    "revocation_endpoint_auth_methods_supported" in metadata
      ? metadata.revocation_endpoint_auth_methods_supported
      : undefined;
  const methods = own ?? metadata.token_endpoint_auth_methods_supported;
  const names = Array.isArray(methods) ? methods.filter((one) => typeof one === "string") : [];
  return { endpoint: typeof endpoint === "string" ? endpoint : "", methods: names };
}

function isSafe(endpoint: string): boolean {
  try {
    checkEndpoint(new URL(endpoint));
    return true;
  } catch {
    return false; // not offered, as far as anybody here is concerned
  }
}
