import { timestampDate } from "@bufbuild/protobuf/wkt";
import {
  ApprovalCause,
  type ExecutionCreated,
  type ExecutionEvent,
  FinishReasonSchema,
  type ModelCallFinished,
} from "@stigmer/contracts/agentic";
import { enumText } from "../kinds/enum-text.ts";
import { printableLine, shortLine } from "../output/printable.ts";
import { formatDelimited } from "../output/table.ts";
import type { Item } from "./cursor.ts";
import { callsOf, textOf } from "./describe.ts";
import { lifeText, phaseText } from "./life-text.ts";
import { workText } from "./work-text.ts";

const MAX_TEXT = 160;

/** One line of an execution's timeline: when, sequence, what. Deltas are no entries, and have none. */
export function timelineLine(item: Item, options: { readonly delimited: boolean }): string {
  if (item.kind !== "entry") return "";
  const { sequence, event } = item;
  const time = event.time ? timestampDate(event.time).toISOString() : "";
  if (options.delimited) return formatDelimited([time, String(sequence), event.event.case ?? "", whatHappened(event)]);
  return `${time}  ${String(sequence).padStart(4)}  ${whatHappened(event)}\n`;
}

/** An event in words. What models and tools wrote is shortened, and moves no cursor. */
function whatHappened(entry: ExecutionEvent): string {
  const { event, attempt } = entry;
  const again = attempt > 1 ? ` (try ${attempt})` : "";
  switch (event.case) {
    case "created":
      return createdText(event.value);
    case "phaseChanged":
      return phaseText(event.value);
    case "leaseGranted":
      return printableLine(`taken by runner ${event.value.runner}`);
    case "toolsListed":
      return printableLine(`tools read: ${listOf(event.value.tools.map(({ name }) => name))}`);
    case "modelCallStarted":
      return printableLine(`model ${event.value.model} called${again}`);
    case "modelCallFinished":
      return modelText(event.value);
    case "toolCallStarted":
      return (
        printableLine(`tool ${event.value.call?.name} called${again} `) +
        shortLine(event.value.call?.arguments ?? "", MAX_TEXT)
      );
    case "toolCallFinished":
      return `tool ${event.value.result?.isError ? "failed" : "answered"} in ${event.value.latencyMs} ms: ${quoted(event.value.result?.content ?? "")}`;
    case "approvalRequested":
      return printableLine(
        `approval ${event.value.approvalId} asked for tool ${event.value.spec?.tool}${causeText(event.value.spec?.cause)}`,
      );
    case "historyBound":
      return `goes on from a conversation of ${event.value.messageHashes.length} messages`;
    default:
      return lifeText(entry) ?? workText(entry) ?? "something that this program does not know; a newer one does";
  }
}

function createdText({ agent, model, message, fork, parent }: ExecutionCreated): string {
  const origin = fork ? `, a fork of ${fork.executionId} at ${fork.sequence}` : "";
  const asked = parent ? `, asked by ${parent.executionId}` : "";
  return printableLine(`created for agent ${agent} with ${model}${origin}${asked}: `) + quoted(message);
}

function modelText(finished: ModelCallFinished): string {
  const { message, error, finishReason, usage, latencyMs, servedModel, scripted } = finished;
  if (error) return printableLine(`model call failed: ${error.reason}: ${error.message}`);
  const text = textOf(message);
  const calls = callsOf(message).map(({ name }) => name);
  const said = [
    ...(text ? [quoted(text)] : []),
    ...(calls.length > 0 ? [printableLine(`wants ${calls.join(", ")}`)] : []),
  ];
  const facts = [
    printableLine(servedModel),
    enumText(FinishReasonSchema, finishReason).toLowerCase(),
    `${usage?.inputTokens ?? 0} + ${usage?.outputTokens ?? 0} tokens`,
    `${latencyMs} ms`,
    ...(scripted ? ["a script, no AI"] : []),
  ].filter((fact) => fact !== "");
  return `model answered: ${said.join(", ") || "nothing"} (${facts.join(", ")})`;
}

function causeText(cause: ApprovalCause | undefined): string {
  if (cause === ApprovalCause.PLAN) return ": a plan";
  if (cause === ApprovalCause.ELICITATION) return ": its server asks";
  if (cause === ApprovalCause.CHANGED) return ": it is another than the one that was accepted";
  return cause === ApprovalCause.UNCERTAIN ? ": its effect may have happened already" : "";
}

function quoted(text: string): string {
  return `"${shortLine(text, MAX_TEXT)}"`;
}

const MAX_LIST = 100;

/** Names as far as a line takes them, whole, and how many more there are. */
function listOf(names: readonly string[]): string {
  const shown: string[] = [];
  for (const name of names) {
    if (shown.length > 0 && [...shown, name].join(", ").length > MAX_LIST) break;
    shown.push(name);
  }
  const left = names.length - shown.length;
  return `${shown.join(", ") || "none"}${left > 0 ? ` and ${left} more` : ""}`;
}
