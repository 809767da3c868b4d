import { randomBytes, randomInt } from "node:crypto";
import {
  type LoginMcpServerResponse,
  McpServerCommandController,
  McpServerQueryController,
  McpServerSchema,
} from "@stigmer/contracts/agentic";
import { openBackend } from "../backend/open-backend.ts";
import type { GlobalOptions } from "../command-line.ts";
import type { Deps } from "../deps.ts";
import { failed, interrupted, misused } from "../failure.ts";
import { printMessage } from "../kinds/message-printer.ts";
import { serverId } from "../mcp/find-server.ts";
import { scopesOf } from "../mcp/oauth-options.ts";
import { openPage } from "../mcp/open-page.ts";
import { listenForRedirect } from "../mcp/redirect-listener.ts";
import { formatOf } from "../output/format.ts";
import { printableLine } from "../output/printable.ts";

export type LoginOptions = GlobalOptions & {
  readonly name: string;
  readonly env?: readonly string[];
  /** In place of those that the server's spec names. */
  readonly scope?: readonly string[];
  /** Whether the page is opened in a browser. */
  readonly open?: boolean;
  /** False where the browser is on another machine. */
  readonly browser?: boolean;
  readonly callbackPort?: number;
};

const WAIT_MS = 5 * 60_000;
const TIMEOUT_MS = 120_000;

/**
 * Signs a person in to a remote MCP server: shows the page to open, and waits for the browser to come back. Opens it only where it is
 * told to; that it can't be opened ends nothing.
 */
export async function login(deps: Deps, options: LoginOptions): Promise<void> {
  const format = formatOf(options.output, { isTTY: deps.stdout.isTTY, allowed: ["table", "json", "yaml", "name"] });
  if (options.open && options.browser === false)
    throw misused("--no-browser says that there is no browser here to open", "leave out --open or --no-browser");
  const asked = { environments: [...(options.env ?? [])], scopes: scopesOf(options.scope) };
  await using backend = await openBackend(deps, options);
  const id = await serverId(deps, backend.client(), options.name);
  const transport = (await backend.client().service(McpServerQueryController).get({ id })).spec?.transport;
  const http = transport?.case === "http" ? transport.value : undefined;
  const commands = backend.client().service(McpServerCommandController);
  const how = { signal: deps.interrupt, timeoutMs: TIMEOUT_MS };
  await using way = await wayBack(deps, options, http?.oauth?.clientId ?? "");
  const begun = await commands.login({ id, redirectUri: way.uri, ...asked }, how);
  await show(deps, begun, { url: http?.url ?? "", paste: options.browser === false });
  const state = new URL(begun.authorizationUrl).searchParams.get("state") ?? "";
  const said = answerOf(await comeBack(deps, options, { way, state, url: begun.authorizationUrl }), state);
  const server = await commands.completeLogin({ id, state, ...said }, how);
  if (format === "json" || format === "yaml") return await printMessage(deps, McpServerSchema, server, format);
  const word = `mcpserver/${server.metadata?.name ?? options.name}`;
  await deps.stdout.write(format === "name" ? `${word}\n` : `${word} signed in\n`);
}

type Leaving = { readonly way: WayBack; readonly state: string; readonly url: string };

/** What the browser comes back with, which may be before whoever opens it says how that went. */
async function comeBack(deps: Deps, options: LoginOptions, { way, state, url }: Leaving): Promise<URLSearchParams> {
  const back = new AbortController();
  const coming = waited(deps, options, (signal) => way.next(state, signal)).finally(() => back.abort());
  const opening = options.open ? openPage(deps, url, { signal: back.signal }) : undefined;
  const said = await coming;
  await opening;
  return said;
}

type WayBack = AsyncDisposable & {
  readonly uri: string;
  readonly next: (state: string, signal: AbortSignal) => Promise<URLSearchParams>;
};

/** Whoever registered a client has named its path; the port may be any, as RFC 8252 says it. */
async function wayBack(deps: Deps, { browser, callbackPort = 0 }: LoginOptions, clientId: string): Promise<WayBack> {
  if (callbackPort > 65_535) throw misused(`${callbackPort} is no port`, "ports go up to 65535");
  const path = clientId ? "/callback" : `/${randomBytes(16).toString("hex")}`;
  if (browser !== false) return await listenForRedirect({ port: callbackPort, path });
  const port = callbackPort || randomInt(49_152, 65_536);
  return {
    uri: `http://127.0.0.1:${port}${path}`,
    next: (_state, signal) => pasted(deps, signal),
    [Symbol.asyncDispose]: async () => {},
  };
}

type Shown = { readonly url: string; readonly paste: boolean };

async function show(deps: Deps, begun: LoginMcpServerResponse, { url, paste }: Shown): Promise<void> {
  const { issuer, scopes, authorizationUrl } = begun;
  const isElsewhere = new URL(issuer).host !== new URL(url).host;
  const where = isElsewhere ? `${issuer}, which is another host than the server's (${new URL(url).host})` : issuer;
  const asked = scopes.length > 0 ? `, for: ${scopes.join(" ")}` : "";
  await deps.stderr.write(`${printableLine(`sign in at ${where}${asked}`)}\n`);
  await deps.stderr.write(`open this page: ${printableLine(authorizationUrl)}\n`);
  if (paste) await deps.stderr.write("paste the address that the browser shows in the end, though it can't open it:\n");
}

async function pasted(deps: Deps, signal: AbortSignal): Promise<URLSearchParams> {
  const line = (await deps.stdin.line(signal))?.trim();
  signal.throwIfAborted();
  if (!line || !URL.canParse(line)) throw failed("that is no address", "run it again, and paste the whole address");
  return new URL(line).searchParams;
}

async function waited<T>(deps: Deps, { name }: LoginOptions, wait: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const late = AbortSignal.timeout(WAIT_MS);
  try {
    return await wait(AbortSignal.any([deps.interrupt, late]));
  } catch (error) {
    if (deps.interrupt.aborted) throw interrupted();
    if (late.aborted) throw failed("nobody signed in within 5 minutes", again(name));
    throw error;
  }
}

type Answer = { readonly code: string; readonly iss: string };

function answerOf(said: URLSearchParams, state: string): Answer {
  if (said.get("state") !== state) throw failed("that is the answer to another sign-in", "run it again");
  const error = said.get("error");
  // What a stranger writes of an error is not shown.
  if (error !== null)
    throw failed(`the sign-in was refused: ${/^[a-z_]{1,64}$/.test(error) ? error : "error"}`, "run it again");
  const code = said.get("code");
  if (!code) throw failed("the browser came back without a code", "run it again");
  return { code, iss: said.get("iss") ?? "" };
}

function again(name: string): string {
  return `run it again: stigmer mcp login ${printableLine(name)}`;
}
