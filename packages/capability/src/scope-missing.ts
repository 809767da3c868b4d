import { type Fault, precondition } from "@stigmer/base";
import type { McpServer, PinnedServer } from "@stigmer/contracts/agentic";
import { requireKind } from "@stigmer/execution";
import { fromRow, type Resource } from "@stigmer/resource";
import type { CapabilityDeps } from "./deps.ts";

/** What a runner reports of a server that asks for scopes beyond those of the sign-in. Another token of it would not help. */
export const SCOPE_MISSING = "SIGN_IN_SCOPE_MISSING";

/** A server as it is used, and the scopes that it asks for; none where it names none. */
export type Asking = { readonly org: string; readonly server: PinnedServer; readonly missing: readonly string[] };

/**
 * That the person has to sign in for more, with the command that does it: the scopes that were granted, so that none is lost, and those
 * that the server asks for. They come from the server, so that none but OAuth's own characters are repeated, quoted for a shell.
 */
export async function scopeMissing(deps: CapabilityDeps, asking: Asking): Promise<Fault> {
  const { name } = asking.server;
  const missing = asking.missing.filter((scope) => SCOPE.test(scope));
  const wanted = missing.length > 0 ? commandScopes(await grantedScopes(deps, asking), missing) : [];
  const words = wanted.length > 0 ? wanted.map((scope) => `--scope ${shellWord(scope)}`).join(" ") : "--scope <scope>";
  const which = wanted.length > 0 ? ` (${missing.join(" ")})` : "";
  const message = `the MCP server "${name}" asks for more than the sign-in has${which}; sign in for it: stigmer mcp login ${name} ${words}`;
  return precondition(SCOPE_MISSING, { server: name, scopes: wanted.join(" ") }, { message });
}

const SCOPE = /^[\x21\x23-\x5b\x5d-\x7e]{1,256}$/;
/** As many as a login may ask for, and as much as an error may say. */
const MOST_SCOPES = 64;
const MOST_CHARACTERS = 1_500;

/** None where they are too many to be written. */
function commandScopes(granted: readonly string[], missing: readonly string[]): readonly string[] {
  const all = [...new Set([...granted, ...missing])];
  return all.length <= MOST_SCOPES && all.join(" ").length <= MOST_CHARACTERS ? all : [];
}

/** Those of the sign-in at the URL that is used. */
async function grantedScopes({ resources }: CapabilityDeps, { org, server }: Asking): Promise<readonly string[]> {
  const kind = requireKind(resources.kinds, "McpServer");
  const row = await resources.store.getByName({ tenant: org, kind: kind.options.kind, name: server.name });
  const signIn = row && (fromRow(kind, row) as Resource & McpServer).status?.signIn;
  const transport = server.spec?.transport;
  return transport?.case === "http" && signIn?.url === transport.value.url ? signIn.scopes : [];
}

function shellWord(scope: string): string {
  return /^[A-Za-z0-9_:./-]+$/.test(scope) ? scope : `'${scope.replaceAll("'", String.raw`'\''`)}'`;
}
