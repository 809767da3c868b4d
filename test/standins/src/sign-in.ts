import { createHash, randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Json } from "./json.ts";

export type SignInStandinOptions = {
  /** A client that it knows; one that is not registered, otherwise. */
  readonly client?: { readonly id: string; readonly secret?: string };
  /** Whether clients may register themselves; true unless told. */
  readonly registers?: boolean;
  /** How long an access token lasts; 3,600 s unless told. */
  readonly lifetimeS?: number;
  /** Whether each renewal ends the token that it was made with; true unless told. */
  readonly rotates?: boolean;
  /** Put in the place of what the server says of itself, of who signs people in, and of tokens. */
  readonly resource?: Json;
  readonly metadata?: Json;
  readonly tokens?: Json;
  /** Answers to these paths in its own way. */
  readonly instead?: Readonly<Record<string, (response: ServerResponse, request: IncomingMessage) => void>>;
};

/** An MCP server that wants to know who calls, and who signs people in to it, on one port. */
export interface SignInStandin extends AsyncDisposable {
  /** The MCP server. */
  readonly serverUrl: string;
  readonly issuer: string;
  /** Paths that were asked for, in order. */
  readonly paths: readonly string[];
  /** Bodies of requests for tokens, in order. */
  readonly tokenRequests: readonly URLSearchParams[];
  readonly registrations: readonly Json[];
  /** Requests to take a token back, in order. */
  readonly revocations: readonly Revoking[];
  /** What a person who agrees is sent back with. */
  agree(authorizationUrl: string): Promise<URLSearchParams>;
  /** Whether a token is good. */
  accepts(accessToken: string): boolean;
  /** Takes back every access token; with renewals, those too. */
  revoke(what: { readonly renewals: boolean }): void;
}

export type Revoking = { readonly asked: URLSearchParams; readonly authorization: string | undefined };

type Code = {
  readonly challenge: string;
  readonly clientId: string;
  readonly redirectUri: string;
  readonly resource: string;
};

export async function signInStandin(options: SignInStandinOptions = {}): Promise<SignInStandin> {
  const state: State = {
    ...{ options, paths: [], tokenRequests: [], registrations: [], revocations: [], base: "" },
    ...{ codes: new Map(), access: new Set(), renewals: new Map() },
    clients: new Map(options.client ? [[options.client.id, options.client.secret ?? ""]] : []),
  };
  const server = createServer((request, response) => {
    response.on("error", () => {});
    void serve(state, request, response).catch((error: unknown) => response.destroy(error as Error));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  state.base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    ...{ serverUrl: `${state.base}/mcp`, issuer: state.base, paths: state.paths },
    ...{ tokenRequests: state.tokenRequests, registrations: state.registrations, revocations: state.revocations },
    async agree(authorizationUrl) {
      const answer = await fetch(authorizationUrl, { redirect: "manual" });
      if (answer.status !== 302) throw new Error(`it does not send the browser back: ${await answer.text()}`);
      return new URL(answer.headers.get("location") ?? "").searchParams;
    },
    accepts: (token) => state.access.has(token),
    revoke({ renewals }) {
      state.access.clear();
      if (renewals) state.renewals.clear();
    },
    async [Symbol.asyncDispose]() {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

type State = {
  readonly options: SignInStandinOptions;
  base: string;
  readonly paths: string[];
  readonly tokenRequests: URLSearchParams[];
  readonly registrations: Json[];
  readonly revocations: Revoking[];
  readonly codes: Map<string, Code>;
  readonly clients: Map<string, string>;
  readonly access: Set<string>;
  /** Clients by their renewal tokens. */
  readonly renewals: Map<string, string>;
};

async function serve(state: State, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url ?? "/", state.base);
  state.paths.push(url.pathname);
  const instead = state.options.instead?.[url.pathname];
  if (instead) return instead(response, request);
  const body = await text(request);
  switch (url.pathname) {
    case "/mcp":
      return protectedServer(state, request, response);
    case "/.well-known/oauth-protected-resource/mcp":
      return json(response, 200, resourceMetadata(state));
    case "/.well-known/oauth-authorization-server":
      return json(response, 200, serverMetadata(state));
    case "/register":
      return register(state, JSON.parse(body) as Json, response);
    case "/authorize":
      return authorize(state, url.searchParams, response);
    case "/token":
      return token(state, { asked: new URLSearchParams(body), authorization: request.headers.authorization }, response);
    case "/revoke":
      return revoke(
        state,
        { asked: new URLSearchParams(body), authorization: request.headers.authorization },
        response,
      );
    default:
      return json(response, 404, {});
  }
}

function protectedServer({ base, access }: State, request: IncomingMessage, response: ServerResponse): void {
  const [, given = ""] = /^Bearer (.+)$/.exec(request.headers.authorization ?? "") ?? [];
  const isKnown = access.has(given);
  const metadata = `${base}/.well-known/oauth-protected-resource/mcp`;
  if (!isKnown) response.setHeader("www-authenticate", `Bearer resource_metadata="${metadata}", scope="read"`);
  json(response, isKnown ? 200 : 401, isKnown ? { jsonrpc: "2.0", id: 1, result: {} } : {});
}

function resourceMetadata({ base, options }: State): Json {
  return { resource: `${base}/mcp`, authorization_servers: [base], scopes_supported: ["read"], ...options.resource };
}

function serverMetadata({ base, options }: State): Json {
  return {
    issuer: base,
    authorization_endpoint: `${base}/authorize`,
    token_endpoint: `${base}/token`,
    ...(options.registers !== false && { registration_endpoint: `${base}/register` }),
    revocation_endpoint: `${base}/revoke`,
    response_types_supported: ["code"],
    code_challenge_methods_supported: ["S256"],
    token_endpoint_auth_methods_supported: ["none", "client_secret_post"],
    authorization_response_iss_parameter_supported: true,
    ...options.metadata,
  };
}

function register({ clients, registrations }: State, asked: Json, response: ServerResponse): void {
  registrations.push(asked);
  const client_id = randomUUID();
  clients.set(client_id, "");
  json(response, 201, { ...asked, client_id });
}

function authorize({ clients, codes, base }: State, asked: URLSearchParams, response: ServerResponse): void {
  const of = (name: string): string => asked.get(name) ?? "";
  const isWhole = of("response_type") === "code" && of("code_challenge_method") === "S256" && of("code_challenge");
  if (!clients.has(of("client_id")) || !isWhole || of("resource") !== `${base}/mcp`)
    throw new Error("an authorization request that is not whole");
  const code = `code-${randomUUID()}`;
  const redirectUri = of("redirect_uri");
  codes.set(code, {
    challenge: of("code_challenge"),
    clientId: of("client_id"),
    redirectUri,
    resource: of("resource"),
  });
  const back = new URL(redirectUri);
  for (const [name, value] of Object.entries({ code, state: of("state"), iss: base }))
    back.searchParams.set(name, value);
  response.writeHead(302, { location: back.href }).end();
}

type TokenRequest = { readonly asked: URLSearchParams; readonly authorization: string | undefined };

function token(state: State, { asked, authorization }: TokenRequest, response: ServerResponse): void {
  state.tokenRequests.push(asked);
  const clientId = asked.get("client_id") ?? "";
  const secret = state.clients.get(clientId);
  const error = errorOf(state, asked, !authorization && (asked.get("client_secret") ?? "") === secret);
  if (error) {
    json(response, 400, { error, error_description: `said ${asked.toString()}` });
    return;
  }
  const { lifetimeS = 3600, rotates = true } = state.options;
  const accessToken = `access-${randomUUID()}`;
  const renewal = `renewal-${randomUUID()}`;
  const before = asked.get("refresh_token");
  if (before && rotates) state.renewals.delete(before);
  if (!before || rotates) state.renewals.set(renewal, clientId);
  state.access.add(accessToken);
  const renewable = before && !rotates ? {} : { refresh_token: renewal };
  const granted = { access_token: accessToken, token_type: "Bearer", expires_in: lifetimeS, scope: "read" };
  json(response, 200, { ...granted, ...renewable, ...state.options.tokens });
}

/** Takes back the one token that is named, and no other. */
function revoke(state: State, request: Revoking, response: ServerResponse): void {
  state.revocations.push(request);
  const { asked, authorization } = request;
  const posted = [asked.get("client_id") ?? "", asked.get("client_secret") ?? ""];
  const [id = "", secret = ""] = authorization ? atob(authorization.replace("Basic ", "")).split(":") : posted;
  if (state.clients.get(id) !== secret) {
    json(response, 401, { error: "invalid_client" });
    return;
  }
  const token = asked.get("token") ?? "";
  state.access.delete(token);
  state.renewals.delete(token);
  response.writeHead(200).end();
}

function errorOf(state: State, asked: URLSearchParams, isClient: boolean): string | undefined {
  if (!isClient) return "invalid_client";
  if (asked.get("resource") !== `${state.base}/mcp`) return "invalid_target";
  return isGranted(state, asked, asked.get("client_id") ?? "") ? undefined : "invalid_grant";
}

function isGranted({ codes, renewals }: State, asked: URLSearchParams, clientId: string): boolean {
  if (asked.get("grant_type") === "refresh_token") return renewals.get(asked.get("refresh_token") ?? "") === clientId;
  const name = asked.get("code") ?? "";
  const code = codes.get(name);
  codes.delete(name); // once
  const challenge = createHash("sha256")
    .update(asked.get("code_verifier") ?? "")
    .digest("base64url");
  return code?.challenge === challenge && code.clientId === clientId && code.redirectUri === asked.get("redirect_uri");
}

async function text(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

function json(response: ServerResponse, status: number, body: Json): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}
