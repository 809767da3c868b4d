import {
  type CallMcpServerToolResponse,
  CallMcpServerToolResponseSchema,
  McpServerCommandController,
} from "@stigmer/contracts/agentic";
import { openBackend } from "../backend/open-backend.ts";
import type { GlobalOptions } from "../command-line.ts";
import type { Deps } from "../deps.ts";
import { explainFields } from "../execution/explain-fields.ts";
import { failed } from "../failure.ts";
import { printMessage } from "../kinds/message-printer.ts";
import { serverId } from "../mcp/find-server.ts";
import { readArguments } from "../mcp/read-arguments.ts";
import { formatOf } from "../output/format.ts";
import { printableLine, printableText } from "../output/printable.ts";

export type CallOptions = GlobalOptions & {
  readonly name: string;
  readonly tool: string;
  readonly arguments?: string;
  readonly env?: readonly string[];
  /** Seconds. */
  readonly timeout?: number;
};

const TIMEOUT_S = 120;

/** Calls a tool of an MCP server, outside of any execution, and writes what it answers. Fails where the tool says that it failed. */
export async function call(deps: Deps, options: CallOptions): Promise<void> {
  const format = formatOf(options.output, { isTTY: deps.stdout.isTTY, allowed: ["table", "json", "yaml"] });
  const { name, tool, env = [], timeout = TIMEOUT_S } = options;
  const args = await readArguments(deps, options.arguments);
  await using backend = await openBackend(deps, options);
  const id = await serverId(deps, backend.client(), name);
  const request = { id, tool, arguments: args, environments: [...env] };
  const commands = backend.client().service(McpServerCommandController);
  const how = { signal: deps.interrupt, timeoutMs: timeout * 1000 };
  const answer = await commands.callTool(request, how).catch((error: unknown) => {
    const next = `see what it takes: stigmer mcp tools ${printableLine(name)} -o yaml`;
    throw explainFields(error, { words: { arguments: "--arguments", tool: "the tool" }, next });
  });
  if (format === "json" || format === "yaml") await printMessage(deps, CallMcpServerToolResponseSchema, answer, format);
  else await print(deps, answer);
  if (answer.isError)
    throw failed("the tool says that it failed", `see its log: stigmer mcp logs ${printableLine(name)}`);
}

/** Off a terminal to the letter. */
async function print(deps: Deps, { content, files }: CallMcpServerToolResponse): Promise<void> {
  const text = deps.stdout.isTTY ? printableText(content) : content;
  await deps.stdout.write(text.endsWith("\n") || text === "" ? text : `${text}\n`);
  for (const { name, mediaType, size, digest } of files)
    await deps.stderr.write(`${printableLine(`file: ${name} (${mediaType}, ${size} bytes, ${digest})`)}\n`);
}
