import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { anyPack } from "@bufbuild/protobuf/wkt";
import type { Client } from "@stigmer/client";
import {
  type AgentExecution,
  AgentExecutionCommandController,
  AgentSchema,
  type AgentSpecSchema,
  McpServerSchema,
} from "@stigmer/contracts/agentic";
import { ApiResourceCommandController } from "@stigmer/contracts/commons";

/** What a scripted model says, turn by turn. */
export type Turn = { readonly text?: string; readonly toolCalls?: readonly ToolUse[]; readonly delayMs?: number };
export type ToolUse = { readonly name: string; readonly arguments: Readonly<Record<string, unknown>> };
/** A line that a tool has written. */
export type Effect = { readonly tool: string; readonly token: string; readonly key: string };

/** A folder of a test's own, which goes with it. */
export function createScratch(): Disposable & { readonly path: string } {
  const path = mkdtempSync(join(tmpdir(), "stigmer-faults-"));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true, maxRetries: 5 }) };
}

/** Declares the agent `worker`, whose tools are those of `effects-server.mjs`, and `talker`, which has none. */
export async function applyAgents(client: Client, more: MessageInitShape<typeof AgentSpecSchema> = {}): Promise<void> {
  const { apply } = client.service(ApiResourceCommandController);
  const stdio = { command: process.execPath, args: [join(import.meta.dirname, "effects-server.mjs")] };
  const server = create(McpServerSchema, {
    ...{ apiVersion: "agentic.stigmer.ai/v1", kind: "McpServer", metadata: { name: "effects" } },
    spec: { transport: { case: "stdio", value: stdio } },
  });
  await apply({ resource: anyPack(McpServerSchema, server) });
  for (const [name, mcpServers] of [
    ["worker", [{ name: "effects" }]],
    ["talker", []],
  ] as const) {
    const agent = create(AgentSchema, {
      ...{ apiVersion: "agentic.stigmer.ai/v1", kind: "Agent", metadata: { name } },
      spec: { instructions: "You work.", mcpServers: [...mcpServers], ...more },
    });
    await apply({ resource: anyPack(AgentSchema, agent) });
  }
}

/** Writes a script below a folder and answers with the model that follows it. */
export function scriptedModel(folder: string, turns: readonly Turn[], name = "script"): string {
  const path = join(folder, `${name}.json`);
  writeFileSync(path, JSON.stringify({ turns }));
  return `scripted/${path}`;
}

/** Starts an execution and answers with its id. */
export async function startExecution(
  client: Client,
  of: {
    readonly model: string;
    readonly workspace?: string;
    readonly agent?: "worker" | "talker" | "filer";
    readonly message?: string;
  },
): Promise<string> {
  const { model, workspace = "", agent = "worker", message = "work" } = of;
  const started: AgentExecution = await client
    .service(AgentExecutionCommandController)
    .create({ metadata: {}, spec: { agent, message, model, workspace } });
  return started.metadata?.id ?? "";
}

export function effectsIn(workspace: string): readonly Effect[] {
  return linesOf(join(workspace, "effects.log")).map((line) => {
    const [tool = "", token = "", key = ""] = line.split(" ");
    return { tool, token, key };
  });
}

/** The keys of the calls that have reached the tool `append`. */
export function callsBegun(workspace: string): readonly string[] {
  return linesOf(join(workspace, "begun.log"));
}

function linesOf(path: string): readonly string[] {
  return existsSync(path) ? readFileSync(path, "utf8").split("\n").filter(Boolean) : [];
}
