import type { McpServerSpec, StartServer } from "@stigmer/contracts/agentic";
import { Failure } from "./failure.ts";
import type { ServerTransport, ToolServer } from "./tool-host.ts";

const DEFAULT_CALL_TIMEOUT_MS = 60_000;

/** The server that a backend means. Refuses one that does not say how it is reached. */
export function toolServerOf(start: StartServer | undefined): ToolServer {
  const transport = transportOf(start?.spec);
  if (!start || !transport) {
    throw new Failure("INVALID_REQUEST", "the server's transport is missing or not known here", { notStarted: true });
  }
  const { sessionId, name, revision, workspace } = start;
  const timeout = start.spec?.callTimeout;
  const callTimeoutMs = timeout ? Number(timeout.seconds) * 1000 + timeout.nanos / 1e6 : DEFAULT_CALL_TIMEOUT_MS;
  return { sessionId, name, revision, workspace, transport, callTimeoutMs };
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
