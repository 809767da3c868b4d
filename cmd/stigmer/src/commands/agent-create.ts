import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { AgentCommandController, AgentSchema } from "@stigmer/contracts/agentic";
import { openBackend } from "../backend/open-backend.ts";
import type { GlobalOptions } from "../command-line.ts";
import type { Deps } from "../deps.ts";
import { misused } from "../failure.ts";
import { printMessage } from "../kinds/message-printer.ts";
import { formatOf } from "../output/format.ts";

export type CreateOptions = GlobalOptions & {
  readonly name: string;
  readonly instructions: string;
  readonly description?: string;
  readonly model?: string;
  readonly mcpServer?: readonly string[];
};

export async function createAgent(deps: Deps, options: CreateOptions): Promise<void> {
  const format = formatOf(options.output, { isTTY: deps.stdout.isTTY, allowed: ["table", "json", "yaml", "name"] });
  const instructions = await textOf(deps, options.instructions);
  await using backend = await openBackend(deps, options);
  const { name, description = "", model = "", mcpServer = [] } = options;
  const spec = { instructions, description, model, mcpServers: mcpServer.map((server) => ({ name: server })) };
  const agent = await backend
    .client()
    .service(AgentCommandController)
    .create({ metadata: { name, org: backend.org }, spec }, { signal: deps.interrupt });
  if (format === "json" || format === "yaml") return await printMessage(deps, AgentSchema, agent, format);
  await deps.stdout.write(`agent/${agent.metadata?.name ?? name}${format === "name" ? "" : " created"}\n`);
}

/** `@file` is what the file says; `@@` begins a text that begins with `@`. */
async function textOf(deps: Pick<Deps, "cwd">, value: string): Promise<string> {
  if (!value.startsWith("@")) return value;
  if (value.startsWith("@@")) return value.slice(1);
  return await readFile(resolve(deps.cwd, value.slice(1)), "utf8").catch((error: NodeJS.ErrnoException) => {
    throw misused(`can't read the instructions from ${value.slice(1)}: ${error.code ?? error.message}`);
  });
}
