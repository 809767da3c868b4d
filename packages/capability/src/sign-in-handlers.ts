import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { Fault, isFault, precondition } from "@stigmer/base";
import {
  type CompleteMcpServerLoginRequest,
  type HttpTransport,
  type LoginMcpServerRequest,
  LoginMcpServerResponseSchema,
  type McpServer,
  McpServerCommandController,
  VariableDeclarationSchema,
} from "@stigmer/contracts/agentic";
import { requireKind } from "@stigmer/execution";
import { type Call, fromRow, type Handler, type Resource, requireById, unary } from "@stigmer/resource";
import type { CapabilityDeps } from "./deps.ts";
import { type KeptGrant, planKeep } from "./sign-in-rows.ts";
import { signOut } from "./sign-out.ts";

/** How a person signs in to a server. */
export function signInHandlers(deps: CapabilityDeps): readonly Handler[] {
  return [
    unary(McpServerCommandController.method.login, (request, call) => login(deps, request, call)),
    unary(McpServerCommandController.method.completeLogin, (request, call) => completeLogin(deps, request, call)),
    unary(McpServerCommandController.method.logout, (request, call) => signOut(deps, request, call)),
  ];
}

// Asked again, it is begun or ended again: neither page nor token is kept for a repeated request.
const unkeyed = (call: Call): Call => ({ ...call, idempotencyKey: undefined });

async function login(deps: CapabilityDeps, request: LoginMcpServerRequest, call: Call) {
  return await deps.pipeline.command(request, unkeyed(call), async () => {
    const { id, redirectUri, environments } = request;
    const { name, http } = await remoteServer(deps, call.org, id);
    const { clientId = "", issuer = "" } = http.oauth ?? {};
    const scopes = request.scopes.length > 0 ? request.scopes : (http.oauth?.scopes ?? []);
    const clientSecret = await clientSecretOf(deps, { name, http, org: call.org, environments });
    const asked = { serverUrl: http.url, redirectUri, clientId, clientSecret, issuer, scopes };
    const begun = await naming(name, () => deps.signIns.begin({ org: call.org, id }, asked, call.signal));
    const answer = create(LoginMcpServerResponseSchema, {
      ...{ authorizationUrl: begun.url, issuer: begun.issuer, scopes: [...begun.scopes] },
      expireTime: timestampFromMs(begun.expiresAt),
    });
    return { answer, resource: id };
  });
}

async function completeLogin(deps: CapabilityDeps, request: CompleteMcpServerLoginRequest, call: Call) {
  const { id, state, code, iss } = request;
  const of = { org: call.org, id };
  let granted: KeptGrant | undefined; // a code counts once, however often the commit is planned
  return await deps.pipeline.command(request, unkeyed(call), async () => {
    const { name, http } = await remoteServer(deps, call.org, id);
    granted ??= await naming(name, () => deps.signIns.finish(of, { url: http.url, state, code, iss }, call.signal));
    if (granted.url !== http.url) throw signInFailed(name, "the server's URL was changed meanwhile");
    const { server, ...plan } = await planKeep(deps.resources, of, { grant: granted });
    return { ...plan, answer: server, resource: id };
  });
}

type Remote = { readonly name: string; readonly http: HttpTransport };

async function remoteServer({ resources }: CapabilityDeps, org: string, id: string): Promise<Remote> {
  const kind = requireKind(resources.kinds, "McpServer");
  const server = fromRow(kind, await requireById(resources.store, kind, { org, id })) as Resource & McpServer;
  const name = server.metadata?.name ?? "";
  const transport = server.spec?.transport;
  if (transport?.case !== "http") throw signInFailed(name, "it is a program, and nobody signs in to one");
  return { name, http: transport.value };
}

type Asking = Remote & { readonly org: string; readonly environments: readonly string[] };

async function clientSecretOf(
  { variables }: CapabilityDeps,
  { name, http, org, environments }: Asking,
): Promise<string> {
  const variable = http.oauth?.clientSecretVariable ?? "";
  if (!variable) return "";
  const sources = { org, values: {}, secrets: {}, environments: environments.toReversed() };
  const declarer = {
    title: `the sign-in to MCP server "${name}"`,
    variables: [create(VariableDeclarationSchema, { name: variable })],
  };
  return (await variables.receive(sources, declarer)).values[variable] ?? "";
}

/** What failed says whose sign-in it was. */
async function naming<T>(server: string, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    if (!isFault(error, "SIGN_IN_FAILED") && !isFault(error, "TOOL_SERVER_FAILED")) throw error;
    const message = `can't sign in to the MCP server "${server}": ${error.message}`;
    throw new Fault(error.kind, error.reason, { server }, { message, cause: error });
  }
}

function signInFailed(server: string, why: string): Error {
  return precondition("SIGN_IN_FAILED", { server }, { message: `can't sign in to the MCP server "${server}": ${why}` });
}
