import { type AgentExecution, AgentExecutionCommandController, AgentExecutionSchema } from "@stigmer/contracts/agentic";
import { type Backend, openBackend } from "../backend/open-backend.ts";
import type { GlobalOptions } from "../command-line.ts";
import type { Deps } from "../deps.ts";
import { explainFields } from "../execution/explain-fields.ts";
import { executionId } from "../execution/find-execution.ts";
import { howToFollow, seeToEnd } from "../execution/see-to-end.ts";
import { misused } from "../failure.ts";
import { printMessage } from "../kinds/message-printer.ts";
import { type Format, formatOf } from "../output/format.ts";

export type ForkOptions = GlobalOptions & {
  readonly name: string;
  /** Last sequence that both share; the newest unless told. */
  readonly at?: number;
  readonly message?: string;
  readonly model?: string;
  readonly agent?: string;
  readonly follow?: boolean;
  readonly approve?: "never" | "all" | "fail";
};

/** Starts a new execution that shares another's journal; shows it to its end where it is told to. */
export async function fork(deps: Deps, options: ForkOptions): Promise<void> {
  const format = formatOf(options.output, { isTTY: deps.stdout.isTTY, allowed: ["table", "json", "yaml", "name"] });
  if (options.follow && (format === "yaml" || format === "name"))
    throw misused(`--follow can't stand beside -o ${format}`, "use one of: table, json");
  await using backend = await openBackend(deps, options);
  const forked = await makeFork(deps, backend, options);
  const id = forked.metadata?.id ?? "";
  if (!options.follow) return await say(deps, forked, format);
  await deps.stderr.write(`execution ${id}, session ${forked.spec?.sessionId}\n`);
  await seeToEnd(deps, backend, { executionId: id, approve: options.approve, json: format === "json" });
}

async function makeFork(deps: Deps, backend: Backend, options: ForkOptions): Promise<AgentExecution> {
  const { at = 0, message = "", model = "", agent = "" } = options;
  const id = await executionId(deps, backend.client(), options.name);
  const request = { id, sequence: BigInt(at), message, model, agent };
  try {
    return await backend.client().service(AgentExecutionCommandController).fork(request, { signal: deps.interrupt });
  } catch (error) {
    throw explainFields(error, { words: WORDS, next: `see the sequences: stigmer execution logs ${options.name}` });
  }
}

const WORDS: Readonly<Record<string, string>> = {
  sequence: "--at",
  message: "--message",
  model: "--model",
  agent: "--agent",
};

async function say(deps: Deps, forked: AgentExecution, format: Format): Promise<void> {
  if (format === "json" || format === "yaml") return await printMessage(deps, AgentExecutionSchema, forked, format);
  const { id = "", name = "" } = forked.metadata ?? {};
  await deps.stdout.write(format === "name" ? `agentexecution/${name}\n` : `${id}\n`);
  await deps.stderr.write(`${howToFollow(id)}\n`);
}
