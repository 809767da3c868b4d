import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import {
  type LogoutMcpServerRequest,
  type McpServer,
  type SignedOut,
  SignedOutSchema,
  TokenRevocation,
} from "@stigmer/contracts/agentic";
import type { Call } from "@stigmer/resource";
import type { CapabilityDeps } from "./deps.ts";
import { findGrantToForget, planForget } from "./sign-in-rows.ts";

/** Longest that issuers are waited for, however often it is planned. */
const REVOCATION_MS = 5_000;

/**
 * Forgets who has signed in to a server, whatever the issuer answers. It is asked first: a crash in between leaves tokens that it took
 * back, and not tokens that nobody knows of and that are good. Who gives the call up meanwhile does not keep it from either.
 */
export async function signOut(deps: CapabilityDeps, request: LogoutMcpServerRequest, call: Call): Promise<McpServer> {
  const of = { org: call.org, id: request.id };
  const late = AbortSignal.timeout(REVOCATION_MS);
  // By version: a grant that was renewed meanwhile has other tokens, and the same one is asked about once.
  const asked = new Map<number, TokenRevocation>();
  return await deps.pipeline.command(request, call, async () => {
    const found = await findGrantToForget(deps.resources, of);
    if (found?.grant && !asked.has(found.version))
      asked.set(found.version, await deps.signIns.revoke(found.grant, late));
    const revocation = found && (asked.get(found.version) ?? TokenRevocation.FAILED);
    const version = found?.version ?? 0;
    const { server, ...plan } = await planForget(deps.resources, of, { version, signOut: outOf(deps, revocation) });
    return { ...plan, answer: server, resource: request.id };
  });
}

function outOf({ resources }: CapabilityDeps, revocation: TokenRevocation | undefined): SignedOut | undefined {
  if (revocation === undefined) return undefined;
  return create(SignedOutSchema, { signOutTime: timestampFromMs(resources.clock.now()), revocation });
}
