import { ApprovalCause } from "@stigmer/contracts/agentic";
import type { Deps, Sink } from "../deps.ts";
import { canDraw, hasColour, paintFor } from "../output/paint.ts";
import { printableText } from "../output/printable.ts";
import { wrapText } from "../output/wrap.ts";
import { type Asked, approvalText, argumentsText, causeText, expiryText } from "./approval-text.ts";
import { changeText } from "./change-text.ts";
import type { Item } from "./cursor.ts";
import { callsOf } from "./describe.ts";
import { type FileChange, fileChangeOf } from "./file-change.ts";

/** What is shown of calls beside their one line each: changes of files, and with `verbose` all that they take and answer. */
export interface CallDetails {
  /** Looks at files before a call changes them; returns what stands below the line of this event, mostly nothing. */
  of(item: Item): Promise<string>;
  /** The whole question of an approval, with what the call would do to a file; of a plan, the plan. */
  asked(asked: Asked): Promise<string>;
}

type DetailsDeps = Pick<Deps, "stderr" | "env" | "clock">;
type DetailsOptions = {
  readonly verbose: boolean;
  /** Whether the execution's folder is one of this machine, whose files may be shown. */
  readonly local: boolean;
};

const FEW_LINES = 40;
const MANY_LINES = 1000;
const MAX_VERBOSE = 32 * 1024;
/** Changes that are kept for calls that have not begun; an older one is read anew. */
const MAX_KEPT = 64;

export function createCallDetails(deps: DetailsDeps, { verbose, local }: DetailsOptions): CallDetails {
  const changes = new Map<string, FileChange | undefined>();
  const shown = new Set<string>();
  const paint = paintFor(deps.stderr, deps.env);
  let workspace = "";
  const changeOf = async (args: string): Promise<FileChange | undefined> => {
    if (!changes.has(args)) changes.set(args, await fileChangeOf(args, local ? workspace : ""));
    for (const [oldest] of changes) if (changes.size > MAX_KEPT) changes.delete(oldest);
    return changes.get(args);
  };
  const diff = async (args: string, limit: number): Promise<string> => {
    const change = deps.stderr.isTTY || verbose ? await changeOf(args) : undefined;
    return change && change.lines.length > 0 ? changeText(change, { paint, limit }) : "";
  };
  const started = async (args: string): Promise<string> => {
    const text = verbose ? indented(argumentsText(args).replaceAll("\n    ", "\n")) : "";
    const seen = shown.delete(args);
    const change = seen ? "" : await diff(args, verbose ? MANY_LINES : FEW_LINES);
    changes.delete(args);
    return text + change;
  };
  return {
    async of(item) {
      if (item.kind !== "entry") return "";
      const { event } = item.event;
      switch (event.case) {
        case "created":
          workspace = event.value.workspace;
          return "";
        case "modelCallFinished":
          if (deps.stderr.isTTY) for (const call of callsOf(event.value.message)) await changeOf(call.arguments);
          return "";
        case "toolCallStarted":
          return await started(event.value.call?.arguments ?? "");
        case "toolCallFinished":
          return verbose ? indented(event.value.result?.content ?? "") : "";
        default:
          return "";
      }
    },
    async asked(asked) {
      const { cause, message } = asked.spec;
      const isPlan = cause === ApprovalCause.PLAN && message !== "";
      if (isPlan && canDraw(deps.stderr, deps.env)) return await planText(deps, asked);
      shown.add(asked.spec.arguments);
      const text = approvalText(asked, { paint, now: deps.clock.now() });
      return fold(text, deps.stderr) + (await diff(asked.spec.arguments, MANY_LINES));
    },
  };
}

/** Prose goes on below where a terminal's line ends; arguments stay to the letter. */
function fold(text: string, { isTTY, columns }: Pick<Sink, "isTTY" | "columns">): string {
  if (!isTTY) return text;
  return text.replaceAll(/^ {2}(?:because|its author says:) .*$/gm, (line) => {
    const lines = wrapText(line.trim(), Math.max(20, columns - 5));
    return lines.map((part, at) => (at === 0 ? `  ${part}` : `    ${part}`)).join("\n");
  });
}

/** Text in lines that are indented by four, as far as it is not too much. */
function indented(text: string): string {
  if (!text) return "";
  const start = printableText(text.slice(0, MAX_VERBOSE)).trimEnd();
  const more = text.length > MAX_VERBOSE ? `\n… ${text.length - MAX_VERBOSE} more characters` : "";
  return `    ${(start + more).replaceAll("\n", "\n    ")}\n`;
}

/** A plan is the model's text, and shown as such. */
async function planText(deps: DetailsDeps, { approvalId, spec }: Asked): Promise<string> {
  const { markdownLines } = await import("../markdown/stream.ts");
  const paint = paintFor(deps.stderr, deps.env);
  const layout = { width: Math.max(1, deps.stderr.columns - 3), paint, keepMarks: !hasColour(deps.stderr, deps.env) };
  const plan = markdownLines(printableText(spec.message), layout).map((line) => `  ${line}`.trimEnd());
  const expires = spec.expireTime ? [`  expires    ${expiryText(spec, deps.clock.now())}`] : [];
  const lines = [
    `${paint.yellow("approval needed: a plan")} (${approvalId})`,
    ...plan,
    `  because ${causeText(spec.cause)}`,
    ...expires,
  ];
  return `${lines.join("\n")}\n`;
}
