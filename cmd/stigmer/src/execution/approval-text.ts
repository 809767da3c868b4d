import { ApprovalCause, type ApprovalSpec } from "@stigmer/contracts/agentic";
import type { Paint } from "../output/paint.ts";
import { printableLine, printableText, shortLine } from "../output/printable.ts";
import { indentJson } from "./describe.ts";

const CAUSES: Readonly<Record<ApprovalCause, string>> = {
  [ApprovalCause.UNSPECIFIED]: "not said",
  [ApprovalCause.POLICY]:
    "the tool may change or destroy something, or nobody has accepted its definition yet;" +
    " approving also accepts what its author says of it: a tool that only reads will not ask again",
  [ApprovalCause.UNCERTAIN]:
    "this call was begun before and its answer was lost: ITS EFFECT MAY HAVE HAPPENED ALREADY; approving makes the call again",
};

const MAX_DESCRIPTION = 300;

/** The whole question for a person: every argument is shown, and nothing in it can draw on the terminal. */
export function approvalText(approvalId: string, spec: ApprovalSpec, paint: Paint): string {
  const args = printableText(indentJson(spec.arguments)).replaceAll("\t", "\\t").replaceAll("\n", "\n    ");
  const lines = [
    `${paint.yellow("approval needed")} (${printableLine(approvalId)})`,
    `  tool       ${paint.bold(printableLine(spec.tool))}`,
    `  server     ${printableLine(spec.server)}`,
    ...(spec.toolDescription ? [`  its author says: ${shortLine(spec.toolDescription, MAX_DESCRIPTION)}`] : []),
    `  arguments\n    ${args || "none"}`,
    `  because ${CAUSES[spec.cause] ?? CAUSES[ApprovalCause.UNSPECIFIED]}`,
  ];
  return `${lines.join("\n")}\n`;
}
