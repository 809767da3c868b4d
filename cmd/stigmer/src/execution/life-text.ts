import { timestampDate } from "@bufbuild/protobuf/wkt";
import {
  type ApprovalDecided,
  ApprovalDecisionSchema,
  type CancelRequested,
  type ExecutionEvent,
  ExecutionPhaseSchema,
  type PhaseChanged,
  type Question,
  type Retried,
  ApprovalScope as Scope,
  type SubAgentEnded,
} from "@stigmer/contracts/agentic";
import { enumText } from "../kinds/enum-text.ts";
import { printableLine, shortLine } from "../output/printable.ts";

const MAX_TEXT = 160;

/** What people and sub-agents did to an execution, in words; undefined for events of another sort. */
export function lifeText({ event }: ExecutionEvent): string | undefined {
  switch (event.case) {
    case "approvalDecided":
      return decisionText(event.value);
    case "approvalEscalated":
      return printableLine(`approval ${event.value.approvalId} was not decided in time: escalated`);
    case "subAgentStarted":
      return printableLine(`sub-agent ${event.value.agent} started as ${event.value.executionId}`);
    case "subAgentEnded":
      return subAgentEndText(event.value);
    case "inputRequested":
      return `asks the user: ${questionText(event.value.question)}`;
    case "inputProvided":
      return `answered${byText(event.value)}: ${quoted(event.value.result?.content ?? "")}`;
    case "cancelRequested":
      return cancelText(event.value);
    case "retried":
      return retryText(event.value);
    case "lateMessage":
      return printableLine(`refused a late message of runner ${event.value.runner}: ${event.value.message}`);
    default:
      return undefined;
  }
}

/** A change of phase, with who made it and why. */
export function phaseText({ phase, error, by, comment }: PhaseChanged): string {
  const name = `${phaseName(phase)}${byText({ by, comment })}`;
  return printableLine(error ? `${name}: ${error.reason}: ${error.message}` : name);
}

/** `waiting for approval`. */
export function phaseName(phase: PhaseChanged["phase"]): string {
  return enumText(ExecutionPhaseSchema, phase).toLowerCase().replaceAll("_", " ");
}

/** What a person decided, as a word: `approved`. */
export function decisionName(decision: ApprovalDecided["decision"]): string {
  return enumText(ApprovalDecisionSchema, decision).toLowerCase();
}

/** What an approval covers beside its call; empty where nothing. */
export function scopeText(scope: Scope): string {
  if (scope === Scope.TOOL) return "for every call of this tool";
  return scope === Scope.SERVER ? "for every tool of this server" : "";
}

function decisionText({ approvalId, decision, decidedBy, comment, scope, arguments: args }: ApprovalDecided): string {
  const words = [`approval ${approvalId} ${decisionName(decision)}`, scopeText(scope), decidedBy && `by ${decidedBy}`];
  const edited = args ? `, with other arguments: ${shortLine(args, MAX_TEXT)}` : "";
  return printableLine(`${words.filter(Boolean).join(" ")}${edited}${comment && `: ${comment}`}`);
}

function subAgentEndText({ executionId, phase, result }: SubAgentEnded): string {
  return printableLine(`sub-agent ${executionId} ${phaseName(phase)}: `) + quoted(result?.content ?? "");
}

function questionText(question: Question | undefined): string {
  const options = question?.options ?? [];
  return quoted(question?.text ?? "") + (options.length > 0 ? printableLine(` (${options.join(", ")})`) : "");
}

function cancelText({ by, comment, deadline }: CancelRequested): string {
  const end = deadline ? `; it ends by ${timestampDate(deadline).toISOString()}` : "";
  return `cancel requested${byText({ by, comment })}${end}`;
}

function retryText({ by, comment, steps }: Retried): string {
  const again = steps.length > 0 ? `; made again: ${shortLine(steps.join(", "), MAX_TEXT)}` : "";
  return `retried${byText({ by, comment })}${again}`;
}

function byText({ by, comment = "" }: { readonly by: string; readonly comment?: string }): string {
  return printableLine(`${by && ` by ${by}`}${comment && `: ${comment}`}`);
}

function quoted(text: string): string {
  return `"${shortLine(text, MAX_TEXT)}"`;
}
