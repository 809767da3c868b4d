import { type AgentExecution, AgentExecutionCommandController, AgentExecutionSchema } from "@stigmer/contracts/agentic";
import { openBackend } from "../backend/open-backend.ts";
import type { GlobalOptions } from "../command-line.ts";
import type { Deps } from "../deps.ts";
import { executionId } from "../execution/find-execution.ts";
import { printMessage } from "../kinds/message-printer.ts";
import { formatOf } from "../output/format.ts";

/** What a person may do to an execution by its id alone. */
export type Verb = "cancel" | "terminate" | "pause" | "resume" | "retry";

export type ChangeOptions = GlobalOptions & {
  readonly name: string;
  readonly verb: Verb;
  readonly comment?: string;
};

export async function change(deps: Deps, options: ChangeOptions): Promise<void> {
  const format = formatOf(options.output, { isTTY: deps.stdout.isTTY, allowed: ["table", "json", "yaml", "name"] });
  await using backend = await openBackend(deps, options);
  const id = await executionId(deps, backend.client(), options.name);
  const executions = backend.client().service(AgentExecutionCommandController);
  const request = { id, comment: options.comment ?? "" };
  const changed = await executions[options.verb](request, { signal: deps.interrupt });
  if (format === "json" || format === "yaml") return await printMessage(deps, AgentExecutionSchema, changed, format);
  const name = `agentexecution/${changed.metadata?.name ?? id}`;
  await deps.stdout.write(`${name}${format === "name" ? "" : ` ${doneText(options.verb, changed)}`}\n`);
}

const DONE: Readonly<Record<Verb, string>> = {
  cancel: "cancelled",
  terminate: "terminated",
  pause: "paused",
  resume: "resumed",
  retry: "goes on",
};

/** Calls of tools that run are given time to stop, so a cancelled execution may not have ended yet. */
function doneText(verb: Verb, { status }: AgentExecution): string {
  return verb === "cancel" && status?.cancelDeadline && !status.endTime ? "is being cancelled" : DONE[verb];
}
