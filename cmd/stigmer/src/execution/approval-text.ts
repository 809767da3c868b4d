import { timestampDate } from "@bufbuild/protobuf/wkt";
import { ApprovalCause, type ApprovalSpec, ApprovalExpiry as Expiry } from "@stigmer/contracts/agentic";
import { fieldText } from "../form/form-text.ts";
import { readForm } from "../form/read-form.ts";
import type { Paint } from "../output/paint.ts";
import { printableLine, printableText, shortLine } from "../output/printable.ts";
import { remainingTime } from "../output/remaining.ts";
import { indentJson } from "./describe.ts";

/** An approval as an execution asks for it. */
export type Asked = { readonly approvalId: string; readonly spec: ApprovalSpec };

const CAUSES: Readonly<Record<ApprovalCause, string>> = {
  [ApprovalCause.UNSPECIFIED]: "not said",
  [ApprovalCause.POLICY]:
    "the tool may change or destroy something, or nobody has accepted its definition yet;" +
    " approving also accepts what its author says of it: a tool that only reads will not ask again",
  [ApprovalCause.UNCERTAIN]:
    "this call was begun before and its answer was lost: ITS EFFECT MAY HAVE HAPPENED ALREADY; approving makes the call again",
  [ApprovalCause.CHANGED]:
    "the tool's definition is ANOTHER than the one that was accepted; approving accepts the new one",
  [ApprovalCause.PLAN]: "the agent has made a plan; approving lets it carry the plan out",
  [ApprovalCause.ELICITATION]: "a tool server asks; what it says is its own word",
};

const EXPIRIES: Readonly<Record<Expiry, string>> = {
  [Expiry.UNSPECIFIED]: "the call is not made",
  [Expiry.DENY]: "the call is not made",
  [Expiry.ESCALATE]: "it is escalated, and stays open for as long again",
  [Expiry.STAY]: "it is escalated, and stays open",
};

const MAX_DESCRIPTION = 300;

/** The whole question for a person: every argument is shown, and nothing in it can draw on the terminal. */
export function approvalText(
  { approvalId, spec }: Asked,
  { paint, now }: { readonly paint: Paint; readonly now: number },
): string {
  const lines = [
    `${paint.yellow("approval needed")} (${printableLine(approvalId)})`,
    ...(spec.rootExecutionId ? [`  agent      ${askerText(spec)}`] : []),
    ...(spec.tool ? [] : [`  step       ${paint.bold(printableLine(spec.stepKey))}`]),
    ...(spec.tool ? [`  tool       ${paint.bold(printableLine(spec.tool))}`] : []),
    ...(spec.server ? [`  server     ${printableLine(spec.server)}`] : []),
    ...(spec.toolDescription ? [`  its author says: ${shortLine(spec.toolDescription, MAX_DESCRIPTION)}`] : []),
    ...questionLines(spec),
    ...(spec.arguments ? [`  arguments\n    ${argumentsText(spec.arguments)}`] : []),
    `  because ${causeText(spec.cause)}`,
    ...(spec.expireTime ? [`  expires    ${expiryText(spec, now)}`] : []),
  ];
  return `${lines.join("\n")}\n`;
}

/** What a tool server asks; a URL is shown whole, so that a person sees where it leads. */
function questionLines({ cause, message, url, inputSchema }: ApprovalSpec): readonly string[] {
  if (cause !== ApprovalCause.ELICITATION) return [];
  const fields = url ? [] : readForm(inputSchema).map((field) => `    ${fieldText(field)}`);
  return [
    `  it asks    ${printableText(message).replaceAll("\n", "\n    ")}`,
    ...(url ? [`  open       ${printableLine(url)}`] : []),
    ...(fields.length > 0 ? ["  fill in", ...fields] : []),
  ];
}

/** Arguments in lines below each other, for a place that is indented by four. */
export function argumentsText(json: string): string {
  return printableText(indentJson(json)).replaceAll("\t", "\\t").replaceAll("\n", "\n    ") || "none";
}

/** Why a person is asked, in words. */
export function causeText(cause: ApprovalCause): string {
  return CAUSES[cause] ?? CAUSES[ApprovalCause.UNSPECIFIED];
}

/** Until when it can be decided, and what happens then; empty where it may stay open for ever. */
export function expiryText({ expireTime, onExpiry }: ApprovalSpec, now: number): string {
  if (!expireTime) return "";
  const until = timestampDate(expireTime);
  const then = EXPIRIES[onExpiry] ?? EXPIRIES[Expiry.UNSPECIFIED];
  return `${remainingTime(until.getTime(), now)} (${until.toISOString()}); then ${then}`;
}

/** Who asks, where it is a sub-agent. */
function askerText({ agent, executionId }: ApprovalSpec): string {
  return printableLine(`${agent || "a sub-agent"} (execution ${executionId})`);
}
