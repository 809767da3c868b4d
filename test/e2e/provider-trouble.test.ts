import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  AgentCommandController,
  AgentExecutionCommandController,
  ExecutionPhase,
  McpServerCommandController,
} from "@stigmer/contracts/agentic";
import { openaiStandin } from "@stigmer/standins";
import { expect, it } from "vitest";
import { startDaemon, type TestDaemon } from "./harness.ts";
import { approveUntilEnd } from "./notes.ts";

const KEY = "sk-secret-0123456789abcdef";
const answer = { turns: [{ text: "Hello." }] };

async function daemonFor(url: string): Promise<TestDaemon & AsyncDisposable> {
  const config = `model: openai-compatible/m\nproviders:\n  openai-compatible:\n    baseUrl: ${url}\n`;
  return await startDaemon({ config, env: { OPENAI_COMPATIBLE_API_KEY: KEY } });
}

async function runAgent(daemon: TestDaemon, mcpServers: { name: string }[] = []) {
  await daemon.client
    .service(AgentCommandController)
    .create({ metadata: { name: "a" }, spec: { instructions: "You help.", mcpServers } });
  const spec = { agent: "a", message: "hello", workspace: mkdtempSync(join(tmpdir(), "stigmer-")) };
  const started = await daemon.client.service(AgentExecutionCommandController).create({ metadata: {}, spec });
  return await approveUntilEnd(daemon.client, started.metadata?.id ?? "");
}

it.each([
  ["unauthorized", "PROVIDER_REFUSED"],
  ["failing", "PROVIDER_UNAVAILABLE"],
  ["rubbish", "PROVIDER_UNAVAILABLE"],
  ["cut", "PROVIDER_UNAVAILABLE"],
] as const)(
  "ends an execution as failed when the provider is %s for good, and keeps the key to itself",
  async (mode, reason) => {
    await using model = await openaiStandin({ script: answer, mode });
    await using daemon = await daemonFor(model.url);

    const execution = await runAgent(daemon);

    expect(ExecutionPhase[execution.status?.phase ?? 0]).toBe("FAILED");
    expect(execution.status?.error?.reason).toBe(reason);
    expect(JSON.stringify(execution.status?.error) + daemon.log()).not.toContain(KEY);
  },
);

it("asks a provider again that says to come back, within one step", async () => {
  await using model = await openaiStandin({ script: answer, mode: "rate-limited", times: 2 });
  await using daemon = await daemonFor(model.url);

  const execution = await runAgent(daemon);

  expect(ExecutionPhase[execution.status?.phase ?? 0]).toBe("SUCCEEDED");
  expect(execution.status?.turns).toBe(1);
  expect(model.requests.length).toBe(3);
});

it("ends an execution as failed when a tool server can't be started, and says which and why", async () => {
  await using model = await openaiStandin({ script: answer });
  await using daemon = await daemonFor(model.url);
  const stdio = { command: "no-such-program-anywhere" };
  const spec = { transport: { case: "stdio", value: stdio } } as const;
  await daemon.client.service(McpServerCommandController).create({ metadata: { name: "gone" }, spec });

  const execution = await runAgent(daemon, [{ name: "gone" }]);

  expect(ExecutionPhase[execution.status?.phase ?? 0]).toBe("FAILED");
  expect(execution.status?.error).toMatchObject({
    reason: "TOOL_SERVER_FAILED",
    message: expect.stringContaining("no-such-program-anywhere"),
  });
});
