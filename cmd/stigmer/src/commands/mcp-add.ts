import { type EnvironmentSpec, McpServerCommandController, McpServerSchema } from "@stigmer/contracts/agentic";
import { type Backend, openBackend } from "../backend/open-backend.ts";
import type { GlobalOptions } from "../command-line.ts";
import type { Deps } from "../deps.ts";
import { changeEnvironment } from "../environment/change-environment.ts";
import { readSecret } from "../environment/read-secret.ts";
import { setSecret } from "../environment/spec-change.ts";
import { explainFields } from "../execution/explain-fields.ts";
import { explain } from "../explain.ts";
import { Failure, misused } from "../failure.ts";
import { printMessage } from "../kinds/message-printer.ts";
import { type OAuthOptions, type OAuthSpec, readOAuth, type SecretPlace } from "../mcp/oauth-options.ts";
import { formatOf } from "../output/format.ts";
import { printableLine } from "../output/printable.ts";

export type AddOptions = GlobalOptions &
  OAuthOptions & {
    readonly name: string;
    /** The program and its arguments. */
    readonly command: readonly string[];
    readonly url?: string;
    readonly serverUrl?: string;
    readonly header?: readonly string[];
    readonly envVar?: readonly string[];
    readonly description?: string;
  };

/**
 * Keeps an MCP server: a program that runners start, or a URL, and how people sign in to it. Nothing is started. The secret of a client
 * comes from a prompt, standard input or a file, and goes into an environment once the server is kept.
 */
export async function add(deps: Deps, options: AddOptions): Promise<void> {
  const format = formatOf(options.output, { isTTY: deps.stdout.isTTY, allowed: ["table", "json", "yaml", "name"] });
  const { name, description = "" } = options;
  const variables = [...new Set(options.envVar ?? [])].map((variable) => ({ name: variable }));
  const oauth = readOAuth(name, options);
  const transport = transportOf(options, { declared: new Set(options.envVar ?? []), oauth: oauth?.spec });
  await warnOfSecrets(deps, options.header ?? []);
  const secret = oauth?.secret;
  const value = secret && (await readSecret(deps, secret.variable, secret.file));
  await using backend = await openBackend(deps, options);
  const server = { metadata: { name, org: backend.org }, spec: { description, variables, transport } };
  const commands = backend.client().service(McpServerCommandController);
  const made = await commands.create(server, { signal: deps.interrupt }).catch((error: unknown) => {
    const words = {
      "metadata.name": "the name",
      "spec.variables": "--env-var",
      "spec.http": "--server-url or --header",
      "spec.http.oauth.issuer": "--oauth-issuer",
      "spec.http.oauth.clientId": "--oauth-client-id",
    };
    throw explainFields(error, { words, next: `see what there is: stigmer mcp list` });
  });
  if (secret && value !== undefined) await keepSecret(deps, backend, { ...secret, value, server: name });
  if (format === "json" || format === "yaml") return await printMessage(deps, McpServerSchema, made, format);
  const word = `mcpserver/${made.metadata?.name ?? name}`;
  if (format === "name") return await deps.stdout.write(`${word}\n`);
  await deps.stdout.write(`${word} created\n`);
  const login = secret ? `login ${name} --env ${secret.environment}` : `login ${name}`;
  await deps.stderr.write(`next: stigmer mcp ${printableLine(oauth ? login : `tools ${name}`)}\n`);
}

type Keeping = SecretPlace & { readonly value: string; readonly server: string };

/** The server is there by now, and stays: what is left to do is said. */
async function keepSecret(deps: Deps, backend: Backend, { environment, variable, value, server }: Keeping) {
  const change = (spec: EnvironmentSpec): void => setSecret(spec, { name: variable, value });
  try {
    await changeEnvironment(deps, backend, { name: environment, change });
  } catch (error) {
    const { exit, message, others } = explain(error);
    const next = `the server ${server} is kept; set the secret by: stigmer env set-secret ${environment} ${variable}`;
    throw new Failure(exit, `the client's secret was not kept: ${message}`, next, { others, cause: error });
  }
}

type Stdio = { readonly command: string; readonly args: string[] };
type Http = { readonly url: string; readonly headers: Record<string, string>; readonly oauth?: OAuthSpec };
type Transport = { readonly case: "stdio"; readonly value: Stdio } | { readonly case: "http"; readonly value: Http };

type Given = { readonly declared: ReadonlySet<string>; readonly oauth: OAuthSpec | undefined };

function transportOf({ command: words, serverUrl, header = [] }: AddOptions, { declared, oauth }: Given): Transport {
  const [command, ...args] = words;
  if (serverUrl !== undefined && command !== undefined)
    throw misused("a server is a program or a URL, not both", "leave out --server-url or what follows --");
  if (serverUrl !== undefined)
    return { case: "http", value: { url: serverUrl, headers: headersOf(header, declared), ...(oauth && { oauth }) } };
  if (header.length > 0) throw misused("only a URL has headers", "give a program its variables: --env-var NAME");
  if (oauth) throw misused("nobody signs in to a program", "leave out --oauth-…, or name a URL: --server-url URL");
  if (command !== undefined) return { case: "stdio", value: { command, args } };
  throw misused("the server's program or URL is missing", "stigmer mcp add NAME -- command args…, or --server-url URL");
}

function headersOf(header: readonly string[], declared: ReadonlySet<string>): Record<string, string> {
  return Object.fromEntries(header.map((text) => headerOf(text, declared)));
}

function headerOf(text: string, declared: ReadonlySet<string>): readonly [string, string] {
  const at = text.indexOf("=");
  if (at < 1) throw misused(`"${text}" is no header`, "write it as NAME=VALUE");
  const value = text.slice(at + 1);
  for (const [, variable = ""] of value.matchAll(VARIABLE)) {
    if (!declared.has(variable))
      throw misused(`a header speaks of ${variable}, which is not declared`, `add --env-var ${variable}`);
  }
  return [text.slice(0, at), value];
}

const VARIABLE = /\$\{([A-Za-z_][A-Za-z0-9_]*)\}/g;
const SECRET = /^(authorization|proxy-authorization|cookie|.*(token|secret|key|password).*)$/i;

/** Headers are stored as they are, and everybody who may see the server sees them. */
async function warnOfSecrets(deps: Pick<Deps, "stderr">, header: readonly string[]): Promise<void> {
  const names = header
    .filter((text) => !text.includes("${"))
    .map((text) => text.slice(0, Math.max(0, text.indexOf("="))));
  for (const name of names.filter((one) => SECRET.test(one))) {
    const how = `write it as '${name}=\${NAME}' with --env-var NAME, and set NAME in an environment`;
    await deps.stderr.write(
      `note: header ${printableLine(name)} is kept as it is, and is no place for a secret; ${how}\n`,
    );
  }
}
