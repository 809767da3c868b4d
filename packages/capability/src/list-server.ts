import type { ToolDefinition } from "@stigmer/contracts/agentic";
import { type Connection, startServer } from "@stigmer/execution";
import { definitionsOf, serverFailed } from "./definitions.ts";
import type { CapabilityDeps } from "./deps.ts";
import { SCOPE_MISSING, scopeMissing } from "./scope-missing.ts";
import type { ServerStart } from "./server-start.ts";
import { type ServerUse, serverStart, signedStart } from "./server-use.ts";
import { signInRequired } from "./sign-ins.ts";

const RUNNER_WAIT_MS = 15_000;

/** A server's tools as they were listed for the same revision and values of variables; it is started only where nobody has. */
export async function knownTools(
  deps: CapabilityDeps,
  use: ServerUse,
  signal: AbortSignal,
): Promise<readonly ToolDefinition[]> {
  const known = await deps.listings.find(use.org, await serverStart(deps, use));
  if (known) return known;
  const { org } = use;
  const host = await deps.runners.hostingTools({ org, affinity: "", waitMs: RUNNER_WAIT_MS, signal });
  return await listedTools(deps, use, { host, signal });
}

/** Starts a server unless it runs, lists its tools, and keeps the listing. Refuses one that can't be started. */
export async function listedTools(
  deps: CapabilityDeps,
  use: ServerUse,
  { host, signal }: { readonly host: Connection; readonly signal: AbortSignal },
): Promise<readonly ToolDefinition[]> {
  const { org, server } = use;
  const start = await signedStart(deps, use);
  deps.listings.used(org, start);
  const started = await startedServer(deps, { use, start, host }, signal);
  if (started.error?.reason === SIGN_IN) throw signInRequired(server.name);
  if (started.error?.reason === SCOPE_MISSING)
    throw await scopeMissing(deps, { org, server, missing: started.missingScopes });
  if (started.error) throw serverFailed(server.name, started.error.message);
  const tools = definitionsOf(server.name, started.tools);
  await deps.listings.keep(org, start, tools);
  return tools;
}

const SIGN_IN = "SIGN_IN_REQUIRED";

type Starting = { readonly use: ServerUse; readonly start: ServerStart; readonly host: Connection };

/** A token that the server refuses may have been taken back, and be renewed all the same: once. */
async function startedServer(deps: CapabilityDeps, { use, start, host }: Starting, signal: AbortSignal) {
  const started = await startServer(deps.runners, host, start, signal);
  if (started.error?.reason !== SIGN_IN || !start.accessToken) return started;
  return await startServer(deps.runners, host, await signedStart(deps, use, start.accessToken), signal);
}
