import type { McpServerSpec, StartServer } from "@stigmer/contracts/agentic";
import { Failure } from "./failure.ts";
import type { ServerTransport, ToolServer } from "./tool-host.ts";

const DEFAULT_CALL_TIMEOUT_MS = 60_000;
const DEFAULT_START_TIMEOUT_MS = 30_000;

/** The server that a backend means. Refuses one that does not say how it is reached. */
export function toolServerOf(start: StartServer | undefined): ToolServer {
  const transport = transportOf(start?.spec);
  if (!start || !transport) {
    throw new Failure("INVALID_REQUEST", "the server's transport is missing or not known here", { notStarted: true });
  }
  const { sessionId, name, revision, workspace, accessToken, spec } = start;
  const callTimeoutMs = millisecondsOf(spec?.callTimeout) ?? DEFAULT_CALL_TIMEOUT_MS;
  const startTimeoutMs = millisecondsOf(spec?.startTimeout) ?? DEFAULT_START_TIMEOUT_MS;
  const variables = variablesOf(start);
  const more = { variables, secretNames: start.secretNames, accessToken };
  return { sessionId, name, revision, workspace, transport, callTimeoutMs, startTimeoutMs, ...more };
}

function millisecondsOf(
  duration: { readonly seconds: bigint; readonly nanos: number } | undefined,
): number | undefined {
  return duration && Number(duration.seconds) * 1000 + duration.nanos / 1e6;
}

/** Those that the server declares and no others, whatever was sent along. */
function variablesOf({ spec, variables }: StartServer): Record<string, string> {
  const declared = spec?.variables ?? [];
  const values = declared.map(({ name, defaultValue }) => [name, given(variables, name) ?? defaultValue] as const);
  return Object.fromEntries(values.filter(([name, value]) => value !== "" || given(variables, name) !== undefined));
}

function given(variables: Readonly<Record<string, string>>, name: string): string | undefined {
  return Object.hasOwn(variables, name) ? variables[name] : undefined;
}

function transportOf(spec: McpServerSpec | undefined): ServerTransport | undefined {
  const transport = spec?.transport;
  if (transport?.case === "stdio") {
    const { command, args, env } = transport.value;
    return { kind: "stdio", command, args, env };
  }
  if (transport?.case === "http") return { kind: "http", url: transport.value.url, headers: transport.value.headers };
  return undefined;
}
