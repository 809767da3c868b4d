import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { isFault } from "@stigmer/base";
import {
  type ChangedTool,
  ChangedToolSchema,
  type McpServer,
  type McpServerStatus,
  type ToolDefinition,
} from "@stigmer/contracts/agentic";
import { requireKind } from "@stigmer/execution";
import { fromRow, metadataOf, type PipelineDeps, type Resource, toRow } from "@stigmer/resource";

type Accepted = Pick<McpServerStatus, "acceptedTools"> | undefined;

/** Whether a person has accepted this very definition. */
export function isAccepted(status: Accepted, tool: Pick<ToolDefinition, "tool" | "digest">): boolean {
  return status?.acceptedTools.some(({ digest }) => digest === tool.digest) ?? false;
}

/** Whether a person has accepted another definition of the tool, and not this one. */
export function isChanged(status: Accepted, tool: Pick<ToolDefinition, "tool" | "digest">): boolean {
  return !isAccepted(status, tool) && (status?.acceptedTools.some(({ name }) => name === tool.tool) ?? false);
}

type Listed = { readonly name: string; readonly revision: string; readonly tools: readonly ToolDefinition[] };

const MAX_TRIES = 16;

/** Says in the server's status and in the log which tools are no longer what a person accepted. */
export async function noteChanges(deps: PipelineDeps, org: string, listed: Listed): Promise<void> {
  const kind = requireKind(deps.kinds, "McpServer");
  for (let count = 1; ; count++) {
    const row = await deps.store.getByName({ tenant: org, kind: kind.options.kind, name: listed.name });
    const server = row && (fromRow(kind, row) as Resource & McpServer);
    if (!row || !server?.status || server.status.revision !== listed.revision) return;
    const before = server.status.changedTools;
    const changed = changedTools(deps, server.status, listed);
    if (sameTools(before, changed)) return;
    server.status.changedTools = changed;
    metadataOf(server).resourceVersion = "";
    try {
      await deps.store.commit({ puts: [toRow(kind, org, server)] }, [{ row, version: row.version }]);
      const news = changed.filter((one) => !before.includes(one)).map(({ name, digest }) => ({ tool: name, digest }));
      for (const one of news) deps.log.warn({ server: listed.name, ...one }, "a tool is not what was accepted");
      return;
    } catch (error) {
      if (!isFault(error, "VERSION_MOVED") || count === MAX_TRIES) throw error;
    }
  }
}

function changedTools({ clock }: PipelineDeps, status: McpServerStatus, { tools }: Listed): ChangedTool[] {
  const seeTime = timestampFromMs(clock.now());
  return tools
    .filter((tool) => isChanged(status, tool))
    .map(({ tool, digest }) => {
      const known = status.changedTools.find((one) => one.name === tool && one.digest === digest);
      return known ?? create(ChangedToolSchema, { name: tool, digest, seeTime });
    });
}

function sameTools(a: readonly ChangedTool[], b: readonly ChangedTool[]): boolean {
  return a.length === b.length && a.every((one, index) => one === b[index]);
}
