import { createMcpHost } from "@stigmer/runner/mcp-host";
import type { ToolServer } from "@stigmer/sdk";
import { scenarioNamed } from "./scenarios.ts";
import { withHost } from "./session.ts";

// What the conformance runner starts: it names the scenario and its context in the environment, and the server's URL comes last.
const { MCP_CONFORMANCE_SCENARIO: name = "", MCP_CONFORMANCE_CONTEXT: context = "{}" } = process.env;

const server: ToolServer = {
  sessionId: "ses_conformance",
  name: "server",
  revision: "r1",
  transport: { kind: "http", url: process.argv.at(-1) ?? "", headers: {} },
  callTimeoutMs: 20_000,
  startTimeoutMs: 20_000,
  variables: {},
  accessToken: "",
  workspace: "",
};
const log = { debug() {}, info() {}, warn() {}, error() {} };
const host = createMcpHost({ env: process.env, log });
try {
  await scenarioNamed(name)(withHost(host, server), JSON.parse(context));
} finally {
  await host.close();
}
process.exit(0);
