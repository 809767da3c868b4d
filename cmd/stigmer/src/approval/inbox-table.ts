import { metadataOf, type Resource } from "../kinds/columns.ts";
import { shortLine } from "../output/printable.ts";
import { relativeTime } from "../output/relative-time.ts";
import { remainingTime } from "../output/remaining.ts";
import { formatDelimited, formatTable } from "../output/table.ts";
import { factsOf } from "./inbox.ts";

export type InboxTable = {
  readonly wide: boolean;
  /** Whether decided ones are shown too. */
  readonly all: boolean;
  /** Width of the terminal; absent where lines may be as long as they are. */
  readonly columns?: number | undefined;
  readonly now: number;
};

const MAX_ARGUMENTS = 60;
const MAX_DELIMITED_ARGUMENTS = 200;

/** The inbox for a person; ids stand whole, as they are there to be copied. */
export function formatInbox(approvals: readonly Resource[], of: InboxTable): string {
  return formatTable(
    inboxHeadings(of),
    approvals.map((approval) => inboxCells(approval, of)),
    of.columns,
  );
}

export function inboxHeadings({ wide, all }: Pick<InboxTable, "wide" | "all">): string[] {
  return [
    ...["id", "agent", "tool", "arguments", "cause", "expires"],
    ...(wide ? ["server", "asked"] : []),
    ...(all ? ["decision"] : []),
    ...["execution", "asked by"],
  ];
}

export function inboxCells(approval: Resource, { wide, all, now }: Omit<InboxTable, "columns">): string[] {
  const facts = factsOf(approval);
  const { id, createTime } = metadataOf(approval);
  const until = Date.parse(facts.expireTime);
  const expires = facts.decision || Number.isNaN(until) ? "" : remainingTime(until, now);
  const asked = Date.parse(createTime);
  const { root, asker } = executionsOf(facts);
  return [
    ...[
      id,
      facts.agent,
      facts.tool,
      shortLine(facts.arguments || facts.message, MAX_ARGUMENTS),
      causeName(facts.cause),
    ],
    facts.escalateTime && expires ? `${expires} (escalated)` : expires,
    ...(wide ? [facts.server, Number.isNaN(asked) ? "" : relativeTime(asked, now)] : []),
    ...(all ? [facts.decision] : []),
    ...[root, asker],
  ];
}

/** The same for a program, always these: id, decision, root execution, asking execution, agent, server, tool, arguments, cause, asked, expires. */
export function inboxRow(approval: Resource, first: readonly string[] = []): string {
  const facts = factsOf(approval);
  const { id, createTime } = metadataOf(approval);
  const { root } = executionsOf(facts);
  return formatDelimited([
    ...first,
    ...[id, facts.decision || "open", root, facts.executionId, facts.agent, facts.server, facts.tool],
    ...[shortLine(facts.arguments || facts.message, MAX_DELIMITED_ARGUMENTS), causeName(facts.cause)],
    ...[timeOf(createTime), timeOf(facts.expireTime)],
  ]);
}

/** The execution that a user started, and the one that asks where that is another. */
function executionsOf({ executionId, rootExecutionId }: ReturnType<typeof factsOf>) {
  return rootExecutionId ? { root: rootExecutionId, asker: executionId } : { root: executionId, asker: "" };
}

function causeName(cause: string): string {
  const name = cause.replace("APPROVAL_CAUSE_", "").toLowerCase();
  return name === "unspecified" ? "" : name;
}

function timeOf(time: string): string {
  const at = Date.parse(time);
  return Number.isNaN(at) ? "" : new Date(at).toISOString();
}
