import type { JsonObject } from "@bufbuild/protobuf";
import { metadataOf, type Resource } from "../kinds/columns.ts";

/** The approvals that an inbox shows, by id. */
export type Inbox = ReadonlyMap<string, Resource>;

/** Selects approvals of which nothing was decided yet, as AIP-160 says it. */
export const OPEN = "NOT status.decision:*";

/** An approval's spec and status in the contract's JSON, empty where a field is absent. */
export type Facts = {
  readonly executionId: string;
  readonly rootExecutionId: string;
  readonly agent: string;
  readonly stepKey: string;
  /** The tool's name, or the key of the step where a runner's own is asked about. */
  readonly tool: string;
  readonly server: string;
  readonly arguments: string;
  /** What a tool server says where it asks. */
  readonly message: string;
  readonly cause: string;
  readonly expireTime: string;
  readonly decision: string;
  readonly escalateTime: string;
};

const EMPTY: Facts = {
  ...{ executionId: "", rootExecutionId: "", agent: "", stepKey: "", tool: "", server: "" },
  ...{ arguments: "", message: "", cause: "", expireTime: "", decision: "", escalateTime: "" },
};

export function factsOf({ spec, status }: Resource): Facts {
  const { decision = "", escalateTime = "" } = (status ?? {}) as Partial<Facts>;
  const facts = { ...EMPTY, ...(spec as JsonObject), decision: nameOfDecision(decision), escalateTime } as Facts;
  return { ...facts, tool: facts.tool || facts.stepKey };
}

export function isOpen(approval: Resource): boolean {
  return factsOf(approval).decision === "";
}

/** The oldest first. */
export function sorted(approvals: Iterable<Resource>): readonly Resource[] {
  const key = (approval: Resource): string => `${metadataOf(approval).createTime} ${metadataOf(approval).id}`;
  return [...approvals].sort((a, b) => (key(a) < key(b) ? -1 : 1));
}

/** An inbox after a change, and in a word what has changed; no word where nothing has that it shows. */
export function changed(
  inbox: Inbox,
  { approval, gone }: { readonly approval: Resource; readonly gone: boolean },
  { all }: { readonly all: boolean },
): { readonly inbox: Inbox; readonly word: string } {
  const { id, resourceVersion } = metadataOf(approval);
  const before = inbox.get(id);
  if (!gone && before && metadataOf(before).resourceVersion === resourceVersion) return { inbox, word: "" };
  const next = new Map(inbox);
  const { decision } = factsOf(approval);
  const stays = !gone && (all || decision === "");
  if (stays) next.set(id, approval);
  else next.delete(id);
  return { inbox: next, word: before || stays ? wordOf(approval, gone) : "" };
}

/** `open`, `escalated`, `approved`, …, or `deleted`. */
export function wordOf(approval: Resource, gone = false): string {
  const { decision, escalateTime } = factsOf(approval);
  if (gone && !decision) return "deleted";
  return decision || (escalateTime ? "escalated" : "open");
}

function nameOfDecision(decision: string): string {
  const name = decision.replace("APPROVAL_DECISION_", "").toLowerCase();
  return name === "unspecified" ? "" : name;
}
