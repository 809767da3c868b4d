import { stat } from "node:fs/promises";
import { resolve } from "node:path";
import { isFault } from "@stigmer/base";
import type { LightClient } from "@stigmer/client/light";
import {
  type AgentExecution,
  AgentExecutionCommandController,
  AgentExecutionSchema,
  ExecutionPhaseSchema,
  ExecutionPhase as Phase,
  SessionSchema,
} from "@stigmer/contracts/agentic";
import { type Backend, openBackend } from "../backend/open-backend.ts";
import { isLost } from "../backend/reconnect.ts";
import type { GlobalOptions } from "../command-line.ts";
import type { Deps } from "../deps.ts";
import { approvalText } from "../execution/approval-text.ts";
import type { ApproveMode } from "../execution/approver.ts";
import { attend, type Outcome } from "../execution/attend.ts";
import { nextStep } from "../explain.ts";
import { EXIT, Failure, interrupted, misused } from "../failure.ts";
import { metadataOf } from "../kinds/columns.ts";
import { enumText } from "../kinds/enum-text.ts";
import { kindOfMessage } from "../kinds/kinds.ts";
import { printMessage } from "../kinds/message-printer.ts";
import { parseReference } from "../kinds/reference.ts";
import { nameOfKind } from "../kinds/resource-argument.ts";
import { getResource, isId } from "../kinds/resources.ts";
import { formatOf } from "../output/format.ts";
import { paintFor } from "../output/paint.ts";
import { printableLine } from "../output/printable.ts";

export type ExecuteOptions = GlobalOptions & {
  readonly name: string;
  readonly message?: string | undefined;
  readonly session?: string;
  readonly model?: string;
  readonly workspace?: string;
  readonly approve?: "never" | "all" | "fail";
  readonly detach?: boolean;
};

const MAX_MESSAGE_BYTES = 1024 * 1024;
const LOOPBACK = new Set(["localhost", "127.0.0.1", "[::1]"]);

/** Starts an execution and attends it to its end. Ends well only where the execution succeeded. */
export async function execute(deps: Deps, options: ExecuteOptions): Promise<void> {
  const format = formatOf(options.output, { isTTY: deps.stdout.isTTY, allowed: ["table", "json"] });
  const message = await messageOf(deps, options.message);
  if (options.session !== undefined && options.workspace !== undefined) {
    throw misused("--workspace can't stand beside --session", "a session has its workspace already");
  }
  await using backend = await openBackend(deps, options);
  const execution = await create(deps, backend, { ...options, message });
  const id = execution.metadata?.id ?? "";
  if (options.detach) return await sayDetached(deps, execution, format);
  const { sessionId } = execution.spec ?? {};
  await deps.stderr.write(`execution ${id}${sessionId ? `, session ${sessionId}` : ""}\n`);
  const mode: ApproveMode = options.approve ?? (deps.stdin.isTTY && deps.stderr.isTTY ? "ask" : "fail");
  const outcome = await attendSafely(deps, backend, { executionId: id, mode, json: format === "json" });
  await conclude(deps, id, outcome);
}

async function create(
  deps: Deps,
  backend: Backend,
  of: ExecuteOptions & { readonly message: string },
): Promise<AgentExecution> {
  const { message, session = "", model = "" } = of;
  const { name, revision } = parseReference(of.name);
  if (revision && session)
    throw misused("a revision can't stand beside --session", "a session has its revision already");
  const workspace = session ? "" : await workspaceOf(deps, backend.url, of.workspace);
  const client = backend.client();
  const sessionId = await sessionIdOf(deps, client, session);
  const spec = { agent: name, agentRevision: revision, message, sessionId, model, workspace };
  try {
    return await client
      .service(AgentExecutionCommandController)
      .create({ metadata: { generateName: generateName(name), org: backend.org }, spec }, { signal: deps.interrupt });
  } catch (error) {
    throw explainStart(error);
  }
}

/** A session by its id or its name; the backend takes ids. */
async function sessionIdOf(deps: Pick<Deps, "interrupt">, client: LightClient, session: string): Promise<string> {
  const kind = kindOfMessage(SessionSchema);
  const name = session && nameOfKind(kind, session);
  if (!name || isId(kind, name)) return name;
  const of = { kind, reference: { name, revision: "" } };
  return metadataOf(await getResource(client, of, { signal: deps.interrupt })).id;
}

/** What the user wrote are an agent and options, and no fields of a spec. */
function explainStart(error: unknown): unknown {
  if (!isFault(error) || error.kind !== "invalid") return error;
  const words = error.violations.map(({ field, description }) => {
    const word = WORDS[field] ?? field;
    return word ? `${word}: ${description}` : description;
  });
  const [first = error.message, ...others] = words;
  const next =
    error.reason === "REFERENCE_NOT_FOUND"
      ? "see what is there: stigmer list agents, stigmer list mcpservers"
      : "see how: stigmer agent execute --help";
  return new Failure(EXIT.misused, first, next, { others, cause: error });
}

const WORDS: Readonly<Record<string, string>> = {
  "spec.agent": "",
  "spec.agent_revision": "revision",
  "spec.agentRevision": "revision",
  "spec.message": "message",
  "spec.model": "--model",
  "spec.session_id": "--session",
  "spec.sessionId": "--session",
  "spec.workspace": "--workspace",
};

/** The name is made of the agent's, as far as it fits. */
function generateName(agent: string): string {
  const start = agent.slice(0, 50);
  return /^[a-z][a-z0-9-]*$/.test(start) ? `${start}-` : "execution-";
}

/** A folder of this machine means something to a backend on this machine only. */
async function workspaceOf(deps: Pick<Deps, "cwd">, url: string, asked: string | undefined): Promise<string> {
  const isLocal = URL.canParse(url) && LOOPBACK.has(new URL(url).hostname);
  if (asked === undefined) return isLocal ? deps.cwd : "";
  const folder = resolve(deps.cwd, asked);
  const info = await stat(folder).catch(() => undefined);
  if (isLocal && !info?.isDirectory()) throw misused(`${asked}: no such folder`, "the workspace must be a folder");
  return folder;
}

async function messageOf(deps: Pick<Deps, "stdin">, given: string | undefined): Promise<string> {
  const fromStdin = given === "-" || (given === undefined && !deps.stdin.isTTY);
  const message = fromStdin ? (await readMessage(deps)).replace(/\r?\n$/, "") : (given ?? "");
  if (message) return message;
  throw misused(
    "there is nothing to say: the message is missing",
    'stigmer agent execute <name> "hello", or pipe it in',
  );
}

async function readMessage(deps: Pick<Deps, "stdin">): Promise<string> {
  try {
    return await deps.stdin.text(MAX_MESSAGE_BYTES);
  } catch (error) {
    if (error instanceof RangeError) throw misused("the message is larger than 1 MiB");
    if (error instanceof TypeError) throw misused("the message is not UTF-8 text");
    throw error;
  }
}

async function sayDetached(deps: Deps, execution: AgentExecution, format: string): Promise<void> {
  if (format === "json") return await printMessage(deps, AgentExecutionSchema, execution, "json");
  const id = execution.metadata?.id ?? "";
  await deps.stdout.write(`${id}\n`);
  await deps.stderr.write(`${howToFollow(id)}\n`);
}

/** Whatever ends the following, the execution goes on, and the user hears how to come back to it. */
async function attendSafely(deps: Deps, backend: Backend, of: Parameters<typeof attend>[2]): Promise<Outcome> {
  try {
    return await attend(deps, backend, of);
  } catch (error) {
    const next = `the execution goes on; ${howToFollow(of.executionId)}`;
    if (deps.interrupt.aborted) throw interrupted("", next);
    if (isLost(error)) throw new Failure(EXIT.unreachable, "the backend is away", next, { cause: error });
    throw error;
  }
}

function howToFollow(id: string): string {
  return `follow it: stigmer execution logs -f ${id}; end it: stigmer execution cancel ${id}`;
}

async function conclude(deps: Deps, id: string, outcome: Outcome): Promise<void> {
  if (outcome.kind === "parked") {
    const { approvalId, spec, seen } = outcome.parked;
    if (!seen) await deps.stderr.write(approvalText(approvalId, spec, paintFor(deps.stderr, deps.env)));
    const next = `decide it: stigmer approval approve ${approvalId} (or reject); then follow: stigmer execution logs -f ${id}`;
    const waits = `execution ${id} waits for approval ${approvalId}`;
    // Who detaches has chosen it, and nothing went wrong.
    throw seen ? new Failure(EXIT.refused, "", `${waits}; ${next}`) : new Failure(EXIT.refused, waits, next);
  }
  const { phase, error } = outcome.change;
  if (phase === Phase.SUCCEEDED) return;
  const ending = enumText(ExecutionPhaseSchema, phase).toLowerCase();
  const why = error ? `: ${error.reason}: ${error.message}` : "";
  throw new Failure(EXIT.failed, printableLine(`execution ${id} ${ending}${why}`), nextStep(error?.reason ?? "", {}));
}
