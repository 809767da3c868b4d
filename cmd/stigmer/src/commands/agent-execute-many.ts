import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { toJson } from "@bufbuild/protobuf";
import { type AgentExecution, AgentExecutionCommandController, AgentExecutionSchema } from "@stigmer/contracts/agentic";
import { openBackend } from "../backend/open-backend.ts";
import type { Deps } from "../deps.ts";
import { oneOffValues } from "../environment/one-off-values.ts";
import { type ExecuteOptions, explainStart, generateName, workspaceOf } from "../execution/starting.ts";
import { explain } from "../explain.ts";
import { Failure, misused } from "../failure.ts";
import { parseReference } from "../kinds/reference.ts";
import { registry } from "../kinds/registry.ts";
import type { Format } from "../output/format.ts";
import { formatJsonLine } from "../output/structured.ts";

type ManyOptions = ExecuteOptions & { readonly messagesFrom: string };

/** What one call may hold: the contract's bound, and well below what a backend takes as one message. */
const MAX_BATCH = 1000;
const MAX_BATCH_BYTES = 2 * 1024 * 1024;
const MAX_INPUT_BYTES = 256 * 1024 * 1024;

/**
 * Starts one execution for each line, and writes their ids in order. A call starts all of its batch or none; where a later one
 * is refused, the ids that were written are those that were started.
 */
export async function executeMany(deps: Deps, options: ManyOptions, format: Format): Promise<void> {
  refuseOthers(options);
  const messages = linesOf(await read(deps, options.messagesFrom));
  if (messages.length === 0) throw misused(`${options.messagesFrom}: there is no message`, "write one on each line");
  await using backend = await openBackend(deps, options);
  const { name, revision } = parseReference(options.name);
  const workspace = await workspaceOf(deps, backend.url, options.workspace);
  const { model = "", plan: planFirst = false } = options;
  const metadata = { generateName: generateName(name), org: backend.org };
  const values = await oneOffValues(deps, options);
  const environments = [...(options.env ?? [])];
  const executions = backend.client().service(AgentExecutionCommandController);
  let started = 0;
  for (const batch of batchesOf(messages)) {
    const request = batch.map((message) => ({
      metadata,
      spec: { agent: name, agentRevision: revision, message, model, workspace, planFirst, environments, values },
    }));
    try {
      const answer = await executions.createBatch({ executions: request }, { signal: deps.interrupt });
      await deps.stdout.write(answer.executions.map((one) => lineOf(one, format)).join(""));
      started += batch.length;
    } catch (error) {
      throw afterStarted(explainStart(error, started), { started, wanted: messages.length });
    }
  }
  await deps.stderr.write(`${started} started; follow one: stigmer execution logs -f <id>\n`);
}

function refuseOthers({ message, session, approve, attach, secret, messagesFrom }: ManyOptions): void {
  const next = "each line is a message, in a session of its own, and nobody attends it";
  if (message !== undefined) throw misused("a message can't stand beside --messages-from", next);
  if (session !== undefined) throw misused("--session can't stand beside --messages-from", next);
  if (secret !== undefined && messagesFrom === "-")
    throw misused(
      "--secret can't stand beside --messages-from -",
      "put the secret into a file: --secret-file NAME=file",
    );
  if (attach !== undefined) throw misused("--attach can't stand beside --messages-from", next);
  if (approve !== undefined) throw misused("--approve can't stand beside --messages-from", next);
}

async function read(deps: Pick<Deps, "stdin" | "cwd">, from: string): Promise<string> {
  try {
    if (from === "-") return await deps.stdin.text(MAX_INPUT_BYTES);
    return new TextDecoder("utf-8", { fatal: true }).decode(await readFile(resolve(deps.cwd, from)));
  } catch (error) {
    if (error instanceof RangeError) throw misused(`${from}: larger than 256 MiB`, "give it in parts");
    if (error instanceof TypeError) throw misused(`${from}: not UTF-8 text`);
    if (error instanceof Error && "code" in error && error.code === "ENOENT") throw misused(`${from}: no such file`);
    throw error;
  }
}

/** Lines that say nothing are left out. */
function linesOf(text: string): readonly string[] {
  return text.split(/\r?\n/).filter((line) => line.trim() !== "");
}

/** Messages in order, in batches that a call may hold. */
function* batchesOf(messages: readonly string[]): Iterable<readonly string[]> {
  let batch: string[] = [];
  let bytes = 0;
  for (const message of messages) {
    const size = Buffer.byteLength(message);
    if (batch.length === MAX_BATCH || (batch.length > 0 && bytes + size > MAX_BATCH_BYTES)) {
      yield batch;
      batch = [];
      bytes = 0;
    }
    batch.push(message);
    bytes += size;
  }
  if (batch.length > 0) yield batch;
}

function lineOf(execution: AgentExecution, format: Format): string {
  if (format === "json") return formatJsonLine(toJson(AgentExecutionSchema, execution, { registry }));
  return `${execution.metadata?.id}\n`;
}

/** The user must know what goes on already. */
function afterStarted(error: unknown, { started, wanted }: { readonly started: number; readonly wanted: number }) {
  if (started === 0) return error;
  const { exit, message, next, others, cause } = explain(error);
  const said = `${started} of ${wanted} were started, those whose ids were written`;
  return new Failure(exit, message, next, { others: [...others, said], cause });
}
