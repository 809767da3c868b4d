import type { LightClient } from "@stigmer/client/light";
import {
  type AgentExecution,
  AgentExecutionCommandController,
  AgentExecutionSchema,
  SessionSchema,
} from "@stigmer/contracts/agentic";
import { type Backend, openBackend } from "../backend/open-backend.ts";
import type { Deps } from "../deps.ts";
import { oneOffValues } from "../environment/one-off-values.ts";
import type { Attached } from "../execution/attach.ts";
import { readText } from "../execution/read-text.ts";
import { howToFollow, seeToEnd } from "../execution/see-to-end.ts";
import { type ExecuteOptions, explainStart, generateName, workspaceOf } from "../execution/starting.ts";
import { misused } from "../failure.ts";
import { metadataOf } from "../kinds/columns.ts";
import { kindOfMessage } from "../kinds/kinds.ts";
import { printMessage } from "../kinds/message-printer.ts";
import { parseReference } from "../kinds/reference.ts";
import { nameOfKind } from "../kinds/resource-argument.ts";
import { getResource, isId } from "../kinds/resources.ts";
import { formatOf } from "../output/format.ts";

/** Starts an execution and attends it to its end. Ends well only where the execution succeeded. */
export async function execute(deps: Deps, options: ExecuteOptions): Promise<void> {
  const format = formatOf(options.output, { isTTY: deps.stdout.isTTY, allowed: ["table", "json"] });
  if (options.messagesFrom !== undefined) {
    const { executeMany } = await import("./agent-execute-many.ts");
    return await executeMany(deps, { ...options, messagesFrom: options.messagesFrom }, format);
  }
  const message = await messageOf(deps, options.message);
  if (options.session !== undefined && options.workspace !== undefined) {
    throw misused("--workspace can't stand beside --session", "a session has its workspace already");
  }
  await using backend = await openBackend(deps, options);
  const execution = await startExecution(deps, backend, { ...options, message });
  const id = execution.metadata?.id ?? "";
  if (options.detach) return await sayDetached(deps, execution, format);
  const { sessionId } = execution.spec ?? {};
  await deps.stderr.write(`execution ${id}${sessionId ? `, session ${sessionId}` : ""}\n`);
  const { approve, verbose } = options;
  await seeToEnd(deps, backend, { executionId: id, approve, verbose, json: format === "json" });
}

/** Starts an execution with a message; with a session it goes on where the session is. */
export async function startExecution(
  deps: Deps,
  backend: Backend,
  of: ExecuteOptions & { readonly message: string },
): Promise<AgentExecution> {
  const { message, session = "", model = "", plan: planFirst = false } = of;
  const { name, revision } = parseReference(of.name);
  if (revision && session)
    throw misused("a revision can't stand beside --session", "a session has its revision already");
  const workspace = session ? "" : await workspaceOf(deps, backend.url, of.workspace);
  const client = backend.client();
  const sessionId = await sessionIdOf(deps, client, session);
  const attachments = await attachmentsOf(deps, backend, of.attach);
  const values = await oneOffValues(deps, of);
  const bound = { agent: name, agentRevision: revision, sessionId, workspace, environments: [...(of.env ?? [])] };
  const spec = { ...bound, message, attachments, model, planFirst, values };
  try {
    return await client
      .service(AgentExecutionCommandController)
      .create({ metadata: { generateName: generateName(name), org: backend.org }, spec }, { signal: deps.interrupt });
  } catch (error) {
    throw explainStart(error);
  }
}

/** Most executions have none, and what sends them is large. */
async function attachmentsOf(deps: Deps, backend: Backend, paths: readonly string[] = []): Promise<Attached[]> {
  if (paths.length === 0) return [];
  const { uploadAttachments } = await import("../execution/attach.ts");
  return [...(await uploadAttachments(deps, backend, paths))];
}

/** A session by its id or its name; the backend takes ids. */
async function sessionIdOf(deps: Pick<Deps, "interrupt">, client: LightClient, session: string): Promise<string> {
  const kind = kindOfMessage(SessionSchema);
  const name = session && nameOfKind(kind, session);
  if (!name || isId(kind, name)) return name;
  const of = { kind, reference: { name, revision: "" } };
  return metadataOf(await getResource(client, of, { signal: deps.interrupt })).id;
}

async function messageOf(deps: Pick<Deps, "stdin">, given: string | undefined): Promise<string> {
  const fromStdin = given === "-" || (given === undefined && !deps.stdin.isTTY);
  const message = fromStdin ? await readText(deps, "message") : (given ?? "");
  if (message) return message;
  throw misused(
    "there is nothing to say: the message is missing",
    'stigmer agent execute <name> "hello", or pipe it in',
  );
}

async function sayDetached(deps: Deps, execution: AgentExecution, format: string): Promise<void> {
  if (format === "json") return await printMessage(deps, AgentExecutionSchema, execution, "json");
  const id = execution.metadata?.id ?? "";
  await deps.stdout.write(`${id}\n`);
  await deps.stderr.write(`${howToFollow(id)}\n`);
}
