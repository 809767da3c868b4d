import type { SignIn } from "@stigmer/capability/port";

/** Signs people in to MCP servers by OAuth. What that needs is loaded when the first one signs in, not when the backend starts. */
export function createSignIn(): SignIn {
  let loaded: Promise<SignIn> | undefined;
  const load = (): Promise<SignIn> => {
    loaded ??= import("./oauth-sign-in.ts").then(({ createOAuthSignIn }) => createOAuthSignIn());
    return loaded;
  };
  return {
    begin: async (request, signal) => await (await load()).begin(request, signal),
    finish: async (pending, callback, signal) => await (await load()).finish(pending, callback, signal),
    refresh: async (renewal, signal) => await (await load()).refresh(renewal, signal),
    revoke: async (revocation, signal) => await (await load()).revoke(revocation, signal),
  };
}
