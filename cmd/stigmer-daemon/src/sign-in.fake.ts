import { type McpServer, McpServerCommandController } from "@stigmer/contracts/agentic";
import { Failure, type ToolServer } from "@stigmer/sdk";
import type { SignInStandin } from "@stigmer/standins";
import { createToolHost, type TestToolHost } from "./kit-runner.fake.ts";
import { idOf } from "./resources.fake.ts";
import type { TestDaemon } from "./test-daemon.fake.ts";

const REDIRECT = "http://127.0.0.1:7777/back";

/** The server `web`, which stands for a stand-in; answers with its id. */
export async function createWeb({ client }: TestDaemon, standin: SignInStandin): Promise<string> {
  const transport = { case: "http" as const, value: { url: standin.serverUrl } };
  return idOf(
    await client.service(McpServerCommandController).create({ metadata: { name: "web" }, spec: { transport } }),
  );
}

/** Somebody signs in to a server and agrees to what is shown. */
export async function signInTo(
  { client }: TestDaemon,
  standin: SignInStandin,
  { id, scopes = [] }: { readonly id: string; readonly scopes?: string[] },
): Promise<McpServer> {
  const commands = client.service(McpServerCommandController);
  const { authorizationUrl } = await commands.login({ id, redirectUri: REDIRECT, scopes });
  const said = await standin.agree(authorizationUrl);
  return await commands.completeLogin({ id, ...callback(said) });
}

/** What a browser was sent back with. */
export function callback(said: URLSearchParams) {
  const of = (name: string): string => said.get(name) ?? "";
  return { state: of("state"), code: of("code"), iss: of("iss") };
}

/** A host that asks the stand-in with the token that it was given. */
export function hostOf(standin: SignInStandin): TestToolHost & { readonly tokens: readonly string[] } {
  const tokens: string[] = [];
  const host = guarded(async ({ accessToken, name }) => {
    tokens.push(accessToken);
    const headers = accessToken ? { authorization: `Bearer ${accessToken}` } : undefined;
    const { status } = await fetch(standin.serverUrl, { method: "POST", ...(headers && { headers }) });
    if (status === 401)
      throw new Failure("SIGN_IN_REQUIRED", `${name} wants to know who you are`, { notStarted: true });
  });
  return Object.assign(host, { tokens });
}

/** A host that checks who asks, each time that a server is started or called. */
export function guarded(check: (of: ToolServer, tool: string) => Promise<void>): TestToolHost {
  const host = createToolHost([{}]);
  const { start, call } = host;
  return Object.assign(host, {
    async start(of: ToolServer) {
      await check(of, "");
      return await start(of);
    },
    async call(...[of, made, ...rest]: Parameters<typeof call>) {
      await check(of, made.tool);
      return await call(of, made, ...rest);
    },
  });
}
