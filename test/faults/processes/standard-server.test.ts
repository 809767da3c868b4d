import { existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { create } from "@bufbuild/protobuf";
import { anyPack } from "@bufbuild/protobuf/wkt";
import type { Client } from "@stigmer/client";
import {
  AgentSchema,
  type Approval,
  ApprovalCause,
  ApprovalDecision,
  ExecutionPhase,
  McpServerSchema,
} from "@stigmer/contracts/agentic";
import { ApiResourceCommandController } from "@stigmer/contracts/commons";
import { eventually, ROOT, startDaemon, type TestDaemon } from "@stigmer/e2e/harness";
import { expect, it } from "vitest";
import { createScratch, scriptedModel, startExecution, type ToolUse, type Turn } from "./effects.ts";
import { endOf, expectSound, journalOf, ofKind } from "./journal.ts";
import { createPerson, pause, whileAway } from "./person.ts";
import { createRandom, SEED } from "./random.ts";
import { kill, VICTIMS } from "./victims.ts";

const SERVER = join(ROOT, "test/e2e/node_modules/@modelcontextprotocol/server-filesystem/dist/index.js");
const CALLS = 40;
const KILLS = 10;

it(`leaves the same files after ${CALLS} tool calls of a standard server, killed ${KILLS} times, as without a kill (SEED=${SEED})`, async () => {
  using scratch = createScratch();
  await using daemon = await startDaemon({ config: "runner: { leaseDuration: 3 }" });
  const folders = ["undisturbed", "killed"].map((name) => join(scratch.path, name));
  for (const folder of folders) mkdirSync(folder);
  await applyFiles(daemon.client);
  await using _person = createPerson(daemon.client, (approval) => lookAndDecide(approval, folders[1] ?? ""));
  const model = scriptedModel(scratch.path, scriptOf(callsOf()));
  const run = (workspace: string) => startExecution(daemon.client, { model, workspace, agent: "filer" });

  const undisturbed = await endOf(daemon.client, await run(folders[0] ?? ""), 240_000);
  const id = await run(folders[1] ?? "");
  const killed = await killWhileItRuns(daemon, id);
  const execution = await endOf(daemon.client, id, 240_000);

  for (const { status } of [undisturbed, execution])
    expect(ExecutionPhase[status?.phase ?? 0], status?.error?.message).toBe("SUCCEEDED");
  expect(killed).toBe(KILLS);
  expect(ofKind(await journalOf(daemon.client, id), "toolCallFinished").length).toBe(CALLS);
  await expectSound(daemon.client, { id, workspace: scratch.path, label: `SEED=${SEED}` });
  const files = filesIn(folders[0] ?? "");
  expect(files.size).toBe(CALLS / 5);
  expect(filesIn(folders[1] ?? ""), `SEED=${SEED}`).toEqual(files);
}, 540_000);

async function applyFiles(client: Client): Promise<void> {
  const { apply } = client.service(ApiResourceCommandController);
  const stdio = { command: process.execPath, args: [SERVER, "."] };
  const server = create(McpServerSchema, {
    ...{ apiVersion: "agentic.stigmer.ai/v1", kind: "McpServer", metadata: { name: "files" } },
    spec: { transport: { case: "stdio", value: stdio } },
  });
  const agent = create(AgentSchema, {
    ...{ apiVersion: "agentic.stigmer.ai/v1", kind: "Agent", metadata: { name: "filer" } },
    spec: { instructions: "You keep files.", mcpServers: [{ name: "files" }], maxTurns: CALLS + 1 },
  });
  await apply({ resource: anyPack(McpServerSchema, server) });
  await apply({ resource: anyPack(AgentSchema, agent) });
}

const use = (tool: string, args: Record<string, unknown>): ToolUse => ({ name: `files__${tool}`, arguments: args });
const edit = (path: string, oldText: string, newText: string) =>
  use("edit_file", { path, edits: [{ oldText, newText }] });

/** Folders, files, edits that would show if they were made twice, moves, and looks in between: five for each of eight. */
function callsOf(): readonly ToolUse[] {
  return Array.from({ length: CALLS / 5 }, (_, n) => [
    use("create_directory", { path: `folder-${n}` }),
    use("write_file", { path: `folder-${n}/draft.md`, content: `# Chapter ${n}\n\nend\n` }),
    edit(`folder-${n}/draft.md`, "end", `line ${n}\nend`),
    n % 2 === 0
      ? use("move_file", { source: `folder-${n}/draft.md`, destination: `folder-${n}/chapter.md` })
      : edit(`folder-${n}/draft.md`, "end", `another line ${n}\nend`),
    use("list_directory", { path: `folder-${n}` }),
  ]).flat();
}

function scriptOf(calls: readonly ToolUse[]): readonly Turn[] {
  return [...calls.map((call) => ({ text: "Next.", toolCalls: [call], delayMs: 10 })), { text: "All is kept." }];
}

/** Approves what is asked. Where the outcome of a call was lost, looks whether it had its effect, and has it made again only if not. */
async function lookAndDecide({ spec }: Approval, folder: string): Promise<ApprovalDecision> {
  if (spec?.cause !== ApprovalCause.UNCERTAIN) return ApprovalDecision.APPROVED;
  await pause(300); // a server whose runner was killed finishes what it does
  return hasHappened(folder, spec.tool, JSON.parse(spec.arguments))
    ? ApprovalDecision.REJECTED
    : ApprovalDecision.APPROVED;
}

type Arguments = {
  readonly path?: string;
  readonly source?: string;
  readonly edits?: readonly { readonly newText: string }[];
};

/** Whether the call has changed its folder; a call that can be made twice without a difference never has. */
function hasHappened(folder: string, tool: string, args: Arguments): boolean {
  if (tool === "move_file") return !existsSync(join(folder, args.source ?? ""));
  if (tool !== "edit_file") return false;
  const text = readFileSync(join(folder, args.path ?? ""), "utf8");
  return (args.edits ?? []).every(({ newText }) => text.includes(newText));
}

/** Kills somebody in the middle of calls that are drawn by lot; answers with how often. */
async function killWhileItRuns(daemon: TestDaemon, id: string): Promise<number> {
  const random = createRandom(SEED);
  let killed = 0;
  for (; killed < KILLS; killed++) {
    const call = Math.floor(((killed + random()) * CALLS) / KILLS) + 1;
    await eventually(
      async () => ((await callsStarted(daemon.client, id)) >= call ? true : undefined),
      `call ${call}`,
      60_000,
    );
    await pause(Math.floor(random() * 20));
    await kill(daemon, VICTIMS[killed % VICTIMS.length] ?? "both");
  }
  return killed;
}

/** Steps whose call was begun. */
async function callsStarted(client: Client, id: string): Promise<number> {
  const journal = await journalOf(client, id).catch(whileAway);
  return new Set(ofKind(journal ?? [], "toolCallStarted").map(({ stepKey }) => stepKey)).size;
}

/** Every file below a folder, with its text. */
function filesIn(folder: string): ReadonlyMap<string, string> {
  const found = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const texts = found.map(({ parentPath, name }) => {
    const path = join(parentPath, name);
    return [relative(folder, path), readFileSync(path, "utf8")] as const;
  });
  return new Map(texts.sort());
}
