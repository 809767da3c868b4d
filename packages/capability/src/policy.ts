import type { McpServer, ToolDefinition } from "@stigmer/contracts/agentic";
import { type ExecutionState, requireKind } from "@stigmer/execution";
import { fromRow } from "@stigmer/resource";
import type { CapabilityDeps } from "./deps.ts";
import { isAccepted, isChanged } from "./note-changes.ts";

/** What a call of a tool may do, as far as anybody may believe it. */
export type Effects = { readonly readOnly: boolean; readonly destructive: boolean; readonly idempotent: boolean };

/** MCP's defaults for a tool that says nothing of itself (specification 2025-06-18, `ToolAnnotations`). */
const DEFAULTS: Effects = { readOnly: false, destructive: true, idempotent: false };

/**
 * The effects to reckon with. What the tool's author says counts only where a person accepted this very definition;
 * before that, and where the annotations can't be read, the defaults hold.
 */
export function effectsOf(tool: Pick<ToolDefinition, "annotations">, accepted: boolean): Effects {
  if (!accepted || tool.annotations === "") return DEFAULTS;
  const said = parse(tool.annotations);
  const readOnly = said.readOnlyHint === true;
  return {
    readOnly,
    destructive: !readOnly && said.destructiveHint !== false,
    idempotent: readOnly || said.idempotentHint === true,
  };
}

/** What is known of a tool: the effects to reckon with, and whether a person accepted another definition of it. */
export type Standing = Effects & { readonly changed: boolean };

/** How a tool stands now, by what is accepted of its server. */
export async function standingOf(deps: CapabilityDeps, org: string, tool: ToolDefinition): Promise<Standing> {
  const { kinds, store } = deps.resources;
  const kind = requireKind(kinds, "McpServer");
  const row = await store.getByName({ tenant: org, kind: kind.options.kind, name: tool.server });
  const { status } = row ? (fromRow(kind, row) as unknown as McpServer) : {};
  return { ...effectsOf(tool, isAccepted(status, tool)), changed: isChanged(status, tool) };
}

/** Whether a person is asked before the call is made. */
export function asksFirst(effects: Effects): boolean {
  return effects.destructive;
}

/** Whether a person must be asked, whatever was granted of a tool that is no longer what was accepted. */
export function mustAskFirst(state: ExecutionState, tool: ToolDefinition, standing: Standing): boolean {
  return standing.changed || (asksFirst(standing) && !isGranted(state, tool));
}

/** Whether a person has approved calls of this tool, or of its server, for the rest of the execution. */
function isGranted({ grants }: ExecutionState, tool: ToolDefinition): boolean {
  return grants.some(
    (grant) =>
      grant.server === tool.server &&
      (grant.tool === "" || (grant.tool === tool.tool && grant.definition === tool.digest)),
  );
}

/** Whether a call whose outcome was lost may be made again without asking. */
export function mayRetry(effects: Effects): boolean {
  return effects.readOnly || effects.idempotent;
}

type Annotations = {
  readonly readOnlyHint?: unknown;
  readonly destructiveHint?: unknown;
  readonly idempotentHint?: unknown;
};

function parse(annotations: string): Annotations {
  try {
    const value: unknown = JSON.parse(annotations);
    return typeof value === "object" && value !== null ? value : {};
  } catch {
    return {};
  }
}
