import { copyFileSync, mkdtempSync, readFileSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fromJson } from "@bufbuild/protobuf";
import { anyPack } from "@bufbuild/protobuf/wkt";
import type { Client } from "@stigmer/client";
import {
  type AgentExecution,
  AgentExecutionCommandController,
  AgentExecutionQueryController,
  AgentSchema,
  type Approval,
  ApprovalCommandController,
  ApprovalDecision,
  ExecutionPhase,
  McpServerSchema,
} from "@stigmer/contracts/agentic";
import { ApiResourceCommandController } from "@stigmer/contracts/commons";
import { parse } from "yaml";
import { eventually, ROOT } from "./harness.ts";

const PROJECT = join(ROOT, "examples/projects/notes");

/** A fresh workspace of the example project. */
export function notesWorkspace(): string {
  const workspace = mkdtempSync(join(tmpdir(), "stigmer-notes-"));
  symlinkSync(join(PROJECT, "server.mjs"), join(workspace, "server.mjs"));
  copyFileSync(join(PROJECT, "script.yaml"), join(workspace, "script.yaml"));
  return workspace;
}

export async function applyNotes(client: Client): Promise<void> {
  const apply = client.service(ApiResourceCommandController).apply;
  const read = (name: string) => parse(readFileSync(join(PROJECT, name), "utf8"));
  await apply({ resource: anyPack(McpServerSchema, fromJson(McpServerSchema, read("mcp-server.yaml"))) });
  await apply({ resource: anyPack(AgentSchema, fromJson(AgentSchema, read("agent.yaml"))) });
}

export async function executeNotes(
  client: Client,
  workspace: string,
  model = `scripted/${join(workspace, "script.yaml")}`,
): Promise<AgentExecution> {
  return await client.service(AgentExecutionCommandController).create({
    metadata: {},
    spec: { agent: "note-taker", message: "remember that I want to buy milk", model, workspace },
  });
}

/** Approves everything that an execution asks, until it has ended. */
export async function approveUntilEnd(client: Client, id: string, timeoutMs = 60_000): Promise<AgentExecution> {
  return await eventually(
    async () => {
      const execution = await client.service(AgentExecutionQueryController).get({ id }).catch(ignoreAway);
      if (!execution) return undefined;
      const phase = execution.status?.phase ?? ExecutionPhase.UNSPECIFIED;
      if (phase >= ExecutionPhase.SUCCEEDED) return execution;
      if (execution.status?.approvalId) await approve(client, execution.status.approvalId).catch(ignoreAway);
      return undefined;
    },
    `execution ${id} to end`,
    timeoutMs,
  );
}

export async function approve(client: Client, id: string): Promise<Approval> {
  return await client.service(ApprovalCommandController).decide({ id, decision: ApprovalDecision.APPROVED });
}

/** The backend may be away for a moment: the test kills it. */
function ignoreAway(error: unknown): undefined {
  const reason = (error as { reason?: string }).reason;
  if (reason === "BACKEND_UNREACHABLE" || reason === "APPROVAL_DECIDED" || reason === "SHUTTING_DOWN") return undefined;
  throw error;
}
