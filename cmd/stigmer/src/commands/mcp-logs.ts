import { toJson } from "@bufbuild/protobuf";
import { timestampDate } from "@bufbuild/protobuf/wkt";
import { type McpServerLogLine, McpServerLogLineSchema, McpServerQueryController } from "@stigmer/contracts/agentic";
import { type Backend, openBackend } from "../backend/open-backend.ts";
import { createReconnect, ENDED_EARLY } from "../backend/reconnect.ts";
import type { GlobalOptions } from "../command-line.ts";
import type { Deps } from "../deps.ts";
import { interrupted } from "../failure.ts";
import { registry } from "../kinds/registry.ts";
import { serverId } from "../mcp/find-server.ts";
import { type Format, formatOf } from "../output/format.ts";
import { printableLine } from "../output/printable.ts";
import { formatJsonLine } from "../output/structured.ts";
import { formatDelimited } from "../output/table.ts";

export type LogsOptions = GlobalOptions & { readonly name: string; readonly follow?: boolean; readonly lines?: number };

/** Shows what an MCP server wrote to its log, the newest lines that the backend has kept; with `--follow` also those to come. */
export async function logs(deps: Deps, options: LogsOptions): Promise<void> {
  const format = formatOf(options.output, { isTTY: deps.stdout.isTTY, allowed: ["table", "json"] });
  await using backend = await openBackend(deps, options);
  const id = await serverId(deps, backend.client(), options.name);
  const { lines: tail = 0 } = options;
  if (!options.follow) return await show(deps, backend, { id, follow: false, tail, format });
  const reconnect = createReconnect(deps);
  for (let first = true; !deps.interrupt.aborted; first = false) {
    try {
      // A backend that was started anew has kept nothing of what was shown.
      await show(deps, backend, { id, follow: true, tail: first ? tail : 0, format, arrived: reconnect.arrived });
      throw ENDED_EARLY;
    } catch (error) {
      if (deps.interrupt.aborted) break;
      await reconnect.waitAfter(error);
      await backend.reopen();
    }
  }
  throw interrupted();
}

type Showing = {
  readonly id: string;
  readonly follow: boolean;
  readonly tail: number;
  readonly format: Format;
  readonly arrived?: () => Promise<void>;
};

async function show(deps: Deps, backend: Backend, { format, arrived, ...request }: Showing): Promise<void> {
  const queries = backend.client().service(McpServerQueryController);
  for await (const line of queries.logs(request, { signal: deps.interrupt })) {
    await arrived?.();
    if (line.lost > 0n && format !== "json") await deps.stderr.write(`note: ${line.lost} lines before are gone\n`);
    await deps.stdout.write(lineText(line, format));
  }
}

function lineText(line: McpServerLogLine, format: Format): string {
  if (format === "json") return formatJsonLine(toJson(McpServerLogLineSchema, line, { registry }));
  const time = line.time ? timestampDate(line.time).toISOString() : "";
  if (format === "delimited") return formatDelimited([time, line.sessionId, line.line]);
  return `${[time, printableLine(line.line)].filter(Boolean).join("  ")}\n`;
}
