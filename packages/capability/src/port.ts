/** What a person signs in to. */
export type SignInRequest = {
  /** The MCP server's URL. */
  readonly serverUrl: string;
  /** Where the browser is sent back to. */
  readonly redirectUri: string;
  /** Names the sign-in, so that nobody can put another in its place. */
  readonly state: string;
  /** A client that was registered beforehand; empty registers one. */
  readonly clientId: string;
  /** Empty means a public client. */
  readonly clientSecret: string;
  /** Who may sign people in; required with a client. Empty means whomever the server names. */
  readonly issuer: string;
  /** Empty asks for those that the server names. */
  readonly scopes: readonly string[];
};

/** A sign-in that has begun. */
export type Authorization = {
  /** Page that the person opens. */
  readonly url: string;
  readonly issuer: string;
  readonly scopes: readonly string[];
  /** What ends the sign-in. Holds secrets: not to be logged or stored. */
  readonly pending: string;
};

/** What the browser was sent back with. */
export type Callback = { readonly code: string; readonly iss: string };

/** What was granted. Holds secrets: not to be logged, and stored only sealed. */
export type Grant = {
  readonly accessToken: string;
  readonly issuer: string;
  readonly scopes: readonly string[];
  /** How long the access token lasts from now on; undefined where nobody says. */
  readonly lifetimeMs: number | undefined;
  /** What `refresh` needs; empty where the token can't be renewed. */
  readonly renewal: string;
  /** What `revoke` needs; empty where the issuer takes nothing back. */
  readonly revocation: string;
};

/**
 * Signs people in to MCP servers, by OAuth 2.1. Whatever it throws is a fault without a secret in it: `SIGN_IN_FAILED` (precondition)
 * where a sign-in can't be begun or ended, `SIGN_IN_REQUIRED` (precondition) where a grant is not renewed any more, and
 * `TOOL_SERVER_FAILED` (unavailable) where whoever signs people in can't be reached or fails.
 */
export interface SignIn {
  begin(request: SignInRequest, signal: AbortSignal): Promise<Authorization>;
  finish(pending: string, callback: Callback, signal: AbortSignal): Promise<Grant>;
  refresh(renewal: string, signal: AbortSignal): Promise<Grant>;
  /** Has the issuer take a grant's tokens back. Refuses with `SIGN_IN_FAILED` where it does not. */
  revoke(revocation: string, signal: AbortSignal): Promise<void>;
}
