import type { PinnedServer } from "@stigmer/contracts/agentic";
import { type ExecutionState, type Received, serverDeclarer } from "@stigmer/execution";
import type { CapabilityDeps } from "./deps.ts";
import type { ServerStart } from "./server-start.ts";

/** A server, and for whom it runs. */
export type ServerUse = {
  readonly org: string;
  readonly sessionId: string;
  /** Folder in which it is started; empty means one of the runner's own. */
  readonly workspace: string;
  readonly server: PinnedServer;
  /** The execution that uses it; undefined where a person does. */
  readonly state: ExecutionState | undefined;
  /** Environments that a person names; those of an execution stand in its state. */
  readonly environments: readonly string[];
};

/** How an execution uses a server. */
export function useOf(org: string, state: ExecutionState, server: PinnedServer): ServerUse {
  const { sessionId = "", workspace = "" } = state.created ?? {};
  return { org, sessionId, workspace, server, state, environments: [] };
}

/** Values of the variables that the server declares, secrets included, which are masked from now on. */
async function variablesOf({ variables }: CapabilityDeps, use: ServerUse): Promise<Received> {
  const { org, state, server } = use;
  const sources = state?.created
    ? await variables.sourcesOf({ org, id: state.id }, state.created)
    : { org, values: {}, secrets: {}, environments: use.environments.toReversed() };
  return await variables.receive(sources, serverDeclarer(server));
}

/** What is known of a server's start without anybody's sign-in: what listings are kept by. */
export async function serverStart(deps: CapabilityDeps, use: ServerUse): Promise<ServerStart> {
  const { sessionId, workspace, server } = use;
  const received = await variablesOf(deps, use);
  return {
    ...{ sessionId, workspace, name: server.name, revision: server.revision },
    variables: received.values,
    secretNames: [...received.secretNames],
    ...(server.spec && { spec: server.spec }),
  };
}

/**
 * What a runner is told, with the token of whoever has signed in to the server; with another one in the place of a token that the
 * server refused. Refuses with `SIGN_IN_REQUIRED` where a person has to sign in anew.
 */
export async function signedStart(deps: CapabilityDeps, use: ServerUse, refused?: string): Promise<ServerStart> {
  const [start, accessToken] = await Promise.all([serverStart(deps, use), accessTokenOf(deps, use, refused)]);
  return { ...start, accessToken };
}

/** Empty where nobody has signed in at the URL that the server has for this use. */
async function accessTokenOf(deps: CapabilityDeps, { org, server }: ServerUse, refused?: string): Promise<string> {
  const transport = server.spec?.transport;
  if (transport?.case !== "http") return "";
  const of = { org, name: server.name, url: transport.value.url };
  return refused ? await deps.signIns.renewed(of, refused) : await deps.signIns.token(of);
}
