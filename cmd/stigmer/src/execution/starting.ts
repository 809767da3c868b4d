import { stat } from "node:fs/promises";
import { resolve } from "node:path";
import type { GlobalOptions } from "../command-line.ts";
import type { Deps } from "../deps.ts";
import { misused } from "../failure.ts";
import { explainFields } from "./explain-fields.ts";

export type ExecuteOptions = GlobalOptions & {
  readonly name: string;
  readonly message?: string | undefined;
  readonly session?: string;
  readonly model?: string;
  readonly workspace?: string;
  readonly approve?: "never" | "all" | "fail";
  readonly detach?: boolean;
  /** Begin in plan mode. */
  readonly plan?: boolean;
  /** Environments of the session that is made. */
  readonly env?: readonly string[];
  /** `NAME=value`, for this execution alone. */
  readonly value?: readonly string[];
  /** Names of secrets for this execution alone, whose values are asked for. */
  readonly secret?: readonly string[];
  /** `NAME=file`, whose content is a secret for this execution alone. */
  readonly secretFile?: readonly string[];
  /** Files that are sent along. */
  readonly attach?: readonly string[];
  /** Show calls with all that they take and answer. */
  readonly verbose?: boolean;
  /** Start many, one for each line of this file. */
  readonly messagesFrom?: string;
};

/**
 * A refused start in the words of the command line: what the user wrote are an agent and options, no fields of a spec.
 * `before` counts the messages that came before the first one of the call.
 */
export function explainStart(error: unknown, before = 0): unknown {
  return explainFields(error, { words: WORDS, next: "see how: stigmer agent execute --help", before });
}

const WORDS: Readonly<Record<string, string>> = {
  "spec.agent": "",
  "spec.agent_revision": "revision",
  "spec.agentRevision": "revision",
  "spec.attachments": "--attach",
  "spec.environments": "--env",
  "spec.values": "--value",
  "spec.message": "message",
  "spec.model": "--model",
  "spec.session_id": "--session",
  "spec.sessionId": "--session",
  "spec.workspace": "--workspace",
};

/** The name is made of the agent's, as far as it fits. */
export function generateName(agent: string): string {
  const start = agent.slice(0, 50);
  return /^[a-z][a-z0-9-]*$/.test(start) ? `${start}-` : "execution-";
}

const LOOPBACK = new Set(["localhost", "127.0.0.1", "[::1]"]);

/** Whether a backend is on this machine. */
export function isLocalUrl(url: string): boolean {
  return URL.canParse(url) && LOOPBACK.has(new URL(url).hostname);
}

/** A folder of this machine means something to a backend on this machine only. */
export async function workspaceOf(deps: Pick<Deps, "cwd">, url: string, asked: string | undefined): Promise<string> {
  const isLocal = isLocalUrl(url);
  if (asked === undefined) return isLocal ? deps.cwd : "";
  const folder = resolve(deps.cwd, asked);
  const info = await stat(folder).catch(() => undefined);
  if (isLocal && !info?.isDirectory()) throw misused(`${asked}: no such folder`, "the workspace must be a folder");
  return folder;
}
