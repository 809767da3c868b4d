import { McpServerCommandController, type McpServerTool, McpServerToolListSchema } from "@stigmer/contracts/agentic";
import { openBackend } from "../backend/open-backend.ts";
import type { GlobalOptions } from "../command-line.ts";
import type { Deps } from "../deps.ts";
import { printMessage } from "../kinds/message-printer.ts";
import { serverId } from "../mcp/find-server.ts";
import { formatOf } from "../output/format.ts";
import { formatDelimited, formatTable } from "../output/table.ts";

export type ToolsOptions = GlobalOptions & { readonly name: string; readonly env?: readonly string[] };

/** A server may take this long to start, and more. */
const TIMEOUT_MS = 660_000;

/** Starts an MCP server, and shows its tools: whether agents are offered them, and what a person accepted of them. */
export async function tools(deps: Deps, options: ToolsOptions): Promise<void> {
  const format = formatOf(options.output, {
    isTTY: deps.stdout.isTTY,
    allowed: ["table", "wide", "json", "yaml", "name"],
  });
  await using backend = await openBackend(deps, options);
  const id = await serverId(deps, backend.client(), options.name);
  const request = { id, environments: [...(options.env ?? [])] };
  const call = { signal: deps.interrupt, timeoutMs: TIMEOUT_MS };
  const listed = await backend.client().service(McpServerCommandController).listTools(request, call);
  if (format === "json" || format === "yaml") return await printMessage(deps, McpServerToolListSchema, listed, format);
  if (format === "name")
    return await deps.stdout.write(listed.tools.map(({ name }) => formatDelimited([name])).join(""));
  if (format === "delimited")
    return await deps.stdout.write(listed.tools.map((tool) => formatDelimited(row(tool, true))).join(""));
  if (listed.tools.length === 0) return await deps.stderr.write("the server has no tools\n");
  const wide = format === "wide";
  const headings = ["name", "agents", "accepted", "effects", "description", ...(wide ? ["digest"] : [])];
  await deps.stdout.write(
    formatTable(
      headings,
      listed.tools.map((tool) => row(tool, wide)),
      deps.stdout.columns,
    ),
  );
}

function row(tool: McpServerTool, wide: boolean): readonly string[] {
  const { name, description, digest, offered, accepted, changed } = tool;
  const standing = accepted ? "yes" : changed ? "changed" : "no";
  return [name, offered ? "offered" : "denied", standing, effects(tool), description, ...(wide ? [digest] : [])];
}

/** What its author says of its effects; counts only once it is accepted. */
function effects({ annotations }: McpServerTool): string {
  const said = parsed(annotations);
  if (said.readOnlyHint === true) return "reads";
  return said.destructiveHint === false ? "adds" : "destroys";
}

function parsed(json: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(json || "{}");
    return typeof value === "object" && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
  } catch {
    return {};
  }
}
