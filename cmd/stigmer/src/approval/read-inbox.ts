import type { LightClient } from "@stigmer/client/light";
import { ApprovalSchema } from "@stigmer/contracts/agentic";
import type { Resource } from "../kinds/columns.ts";
import { kindOfMessage } from "../kinds/kinds.ts";
import { listPages, type Selection } from "../kinds/resources.ts";
import { isOpen, OPEN, sorted } from "./inbox.ts";

/** Which approvals an inbox holds. */
export type InboxSelection = {
  /** Decided ones too. */
  readonly all: boolean;
  /** Only those of this execution and of its sub-agents. */
  readonly executionId?: string | undefined;
};

/** The approvals that are there, the oldest first, and where a watch goes on from. */
export async function readInbox(
  client: LightClient,
  of: InboxSelection,
  options: { readonly signal: AbortSignal },
): Promise<{ readonly items: readonly Resource[]; readonly resourceVersion: string; readonly resumeToken: string }> {
  const selection = selectionOf(of);
  const items: Resource[] = [];
  let resumeToken: string | undefined;
  let resourceVersion = "";
  for await (const page of listPages(client, kindOfMessage(ApprovalSchema), { ...options, selection })) {
    items.push(...page.items);
    // The first page's: what changed while further pages were read comes again, and nothing is missed.
    resumeToken ??= page.resumeToken;
    resourceVersion = page.resourceVersion;
  }
  const shown = of.all ? items : items.filter(isOpen);
  return { items: sorted(shown), resourceVersion, resumeToken: resumeToken ?? "" };
}

/** What a list and the watch that goes on after it select alike. */
export function selectionOf(of: InboxSelection): Selection {
  return { filter: [of.all ? "" : OPEN, executionFilter(of)].filter(Boolean).join(" AND ") };
}

function executionFilter({ executionId }: InboxSelection): string {
  if (!executionId) return "";
  const id = JSON.stringify(executionId);
  return `(spec.executionId = ${id} OR spec.rootExecutionId = ${id})`;
}
