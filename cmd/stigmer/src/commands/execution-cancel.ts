import { AgentExecutionCommandController, AgentExecutionSchema } from "@stigmer/contracts/agentic";
import { openBackend } from "../backend/open-backend.ts";
import type { GlobalOptions } from "../command-line.ts";
import type { Deps } from "../deps.ts";
import { executionId } from "../execution/find-execution.ts";
import { printMessage } from "../kinds/message-printer.ts";
import { formatOf } from "../output/format.ts";

export type CancelOptions = GlobalOptions & { readonly name: string; readonly comment?: string };

export async function cancel(deps: Deps, options: CancelOptions): Promise<void> {
  const format = formatOf(options.output, { isTTY: deps.stdout.isTTY, allowed: ["table", "json", "yaml", "name"] });
  await using backend = await openBackend(deps, options);
  const id = await executionId(deps, backend.client(), options.name);
  const cancelled = await backend
    .client()
    .service(AgentExecutionCommandController)
    .cancel({ id, comment: options.comment ?? "" }, { signal: deps.interrupt });
  if (format === "json" || format === "yaml") return await printMessage(deps, AgentExecutionSchema, cancelled, format);
  const name = `agentexecution/${cancelled.metadata?.name ?? id}`;
  await deps.stdout.write(`${name}${format === "name" ? "" : " cancelled"}\n`);
}
