import {
  type ApprovalSpec,
  type ExecutionEvent,
  type ModelCallFinished,
  ExecutionPhase as Phase,
  type PhaseChanged,
  type Question,
  type SubAgentEnded,
  type SubAgentStarted,
  type ToolCallFinished,
  type ToolCallProgress,
  type ToolCallStarted,
  type ToolDefinition,
} from "@stigmer/contracts/agentic";
import type { Paint } from "../output/paint.ts";
import { printableLine, printableText, shortLine } from "../output/printable.ts";
import type { Item } from "./cursor.ts";
import { callsOf, textOf, toolLabel } from "./describe.ts";
import { isEnd } from "./follow.ts";
import { lifeText, phaseName, phaseText } from "./life-text.ts";
import { todosText } from "./todos-text.ts";

/** What is on the screen, as far as the next event depends on it. */
export type View = {
  /** The text of the open model call that has been written. */
  readonly shown: string;
  /** A carriage return that waits for what follows it. */
  readonly held: string;
  /** Whether stdout stands in the middle of a line. */
  readonly midLine: boolean;
  readonly saidScripted: boolean;
  /** Whether somebody has paused it. */
  readonly paused: boolean;
  /** Whether any text of a model has been written. */
  readonly anyText: boolean;
  /** Tools by the name that the model uses. */
  readonly tools: ReadonlyMap<string, Pick<ToolDefinition, "server" | "tool">>;
  /** Ids of the calls that were begun, by their steps. */
  readonly steps: ReadonlyMap<string, string>;
  /** Labels of the calls that the newest message asks for, by their id. */
  readonly calls: ReadonlyMap<string, string>;
};

export type Output = {
  readonly to: "stdout" | "stderr";
  readonly text: string;
  /** The call that this line says to run; a screen that can draw takes the line away when the call is closed. */
  readonly opens?: string;
  readonly closes?: string;
  /** Worth nothing a moment later: only a screen that can draw shows it. */
  readonly fleeting?: boolean;
};

/** Something that happened and that whoever follows may act on. */
export type Notice =
  | { readonly kind: "asked"; readonly approvalId: string; readonly spec: ApprovalSpec }
  | { readonly kind: "decided"; readonly approvalId: string }
  | { readonly kind: "input"; readonly question: Question }
  | { readonly kind: "answered"; readonly stepKey: string }
  | { readonly kind: "paused"; readonly change: PhaseChanged }
  | { readonly kind: "ended"; readonly change: PhaseChanged };

export type Rendered = {
  readonly view: View;
  readonly outputs: readonly Output[];
  readonly notice?: Notice | undefined;
};

export const EMPTY_VIEW: View = {
  shown: "",
  held: "",
  midLine: false,
  saidScripted: false,
  paused: false,
  anyText: false,
  tools: new Map(),
  steps: new Map(),
  calls: new Map(),
};

const SCRIPTED = "(scripted model: no AI is involved)";
const MAX_ARGUMENTS = 200;
const MAX_RESULT = 160;
const MOST_STEPS = 64;

/** What to write for an event, and what is on the screen after it. Text of the model goes to stdout, all else to stderr. */
export function render(view: View, item: Item, paint: Paint): Rendered {
  if (item.kind === "delta") return appendText(view, item.delta.text);
  if (item.kind === "restarted") return voidText(view, paint);
  if (item.kind === "progress") return tellProgress(view, item.progress, paint);
  if (isEnd(item) && item.event.event.case === "phaseChanged") return end(view, item.event.event.value);
  return renderEvent(view, item.event, paint);
}

function renderEvent(view: View, entry: ExecutionEvent, paint: Paint): Rendered {
  const { event } = entry;
  switch (event.case) {
    case "created":
      return event.value.model.startsWith("scripted/") ? sayScripted(view, paint) : { view, outputs: [] };
    case "toolsListed":
      return { view: { ...view, tools: new Map(event.value.tools.map((tool) => [tool.name, tool])) }, outputs: [] };
    case "modelCallStarted":
      // A call that is begun anew while text of it stands there: that text counts for nothing.
      return view.shown ? voidText(view, paint) : { view, outputs: [] };
    case "modelCallFinished":
      return finishCall(view, event.value, paint);
    case "toolCallStarted":
      return startTool(withStep(view, entry.stepKey, event.value), event.value, paint);
    case "toolCallFinished":
      return finishTool(view, event.value, paint);
    case "todosChanged":
      return say(view, todosText(event.value, paint));
    case "approvalRequested": {
      const { approvalId, spec } = event.value;
      return { view, outputs: [], notice: spec && { kind: "asked", approvalId, spec } };
    }
    default:
      return renderLife(view, entry, paint);
  }
}

/** What people and sub-agents did. */
function renderLife(view: View, entry: ExecutionEvent, paint: Paint): Rendered {
  const { event, stepKey } = entry;
  switch (event.case) {
    case "approvalDecided":
      return { ...sayLife(view, entry, paint), notice: { kind: "decided", approvalId: event.value.approvalId } };
    case "subAgentStarted":
      return startSubAgent(view, event.value, paint);
    case "subAgentEnded":
      return endSubAgent(view, event.value, paint);
    case "inputRequested": {
      const { question } = event.value;
      return { view, outputs: [], notice: question && { kind: "input", question } };
    }
    case "inputProvided":
      return { ...sayLife(view, entry, paint), notice: { kind: "answered", stepKey } };
    case "phaseChanged":
      return changePhase(view, event.value, paint);
    default:
      return sayLife(view, entry, paint);
  }
}

function sayLife(view: View, entry: ExecutionEvent, paint: Paint): Rendered {
  const text = lifeText(entry);
  return text === undefined ? { view, outputs: [] } : say(view, paint.dim(text));
}

/** Of phases that end nothing a pause is said, and that it is over. */
function changePhase(view: View, change: PhaseChanged, paint: Paint): Rendered {
  if (change.phase === Phase.PAUSED) {
    const said = say({ ...view, paused: true }, paint.yellow(phaseText(change)));
    return { ...said, notice: { kind: "paused", change } };
  }
  if (!view.paused) return { view, outputs: [] };
  return say({ ...view, paused: false }, paint.dim(`goes on: ${phaseText(change)}`));
}

/** Text is written as it comes; a carriage return at its end waits, as it may be half of a line end. */
function appendText(view: View, text: string): Rendered {
  const whole = view.held + text;
  const held = whole.endsWith("\r") ? "\r" : "";
  const written = printableText(held ? whole.slice(0, -1) : whole);
  const now = { ...view, shown: view.shown + text, held, anyText: true };
  if (!written) return { view: now, outputs: [] };
  return { view: { ...now, midLine: !written.endsWith("\n") }, outputs: [{ to: "stdout", text: written }] };
}

/** Writes what has not been written of a call's whole text, and ends the line. */
function finishText(view: View, whole: string, paint: Paint): Rendered {
  const fits = whole.startsWith(view.shown);
  const start = fits ? { view, outputs: [] } : voidText(view, paint);
  const rest = fits ? whole.slice(view.shown.length) : whole;
  const written = rest ? then(start, (now) => appendText(now, rest)) : start;
  return then(written, (now) => {
    const flushed: Output[] = now.held ? [{ to: "stdout", text: printableText(now.held) }] : [];
    const ended = endLine({ ...now, held: "", midLine: now.midLine || now.held !== "", shown: "" });
    return { view: ended.view, outputs: [...flushed, ...ended.outputs] };
  });
}

function voidText(view: View, paint: Paint): Rendered {
  const empty = { ...view, shown: "", held: "" };
  if (!view.shown) return { view: empty, outputs: [] };
  return say(empty, paint.yellow("(the model began again; the text above does not count)"));
}

function finishCall(view: View, { message, scripted }: ModelCallFinished, paint: Paint): Rendered {
  const labels = callsOf(message).map(({ id, name }) => [id, toolLabel(name, view.tools.get(name))] as const);
  const named = { ...view, calls: new Map(labels) };
  const first = scripted ? sayScripted(named, paint) : { view: named, outputs: [] };
  return then(first, (now) => finishText(now, textOf(message), paint));
}

function startTool(view: View, { call }: ToolCallStarted, paint: Paint): Rendered {
  const { name = "", arguments: args = "" } = call ?? {};
  const label = printableLine(toolLabel(name, view.tools.get(name)));
  const line = `${paint.dim("→")} ${paint.bold(label)} ${paint.dim(shortLine(args, MAX_ARGUMENTS))}`.trimEnd();
  return marked(say(view, line), call && { opens: call.id });
}

function withStep(view: View, stepKey: string, { call }: ToolCallStarted): View {
  return call
    ? { ...view, steps: new Map([...view.steps, [stepKey, call.id]].slice(-MOST_STEPS) as [string, string][]) }
    : view;
}

/** How far a call is, in the place of the line that says that it runs. */
function tellProgress(view: View, { stepKey, progress, total, message }: ToolCallProgress, paint: Paint): Rendered {
  const id = view.steps.get(stepKey);
  if (id === undefined) return { view, outputs: [] };
  const label = paint.bold(printableLine(view.calls.get(id) ?? ""));
  const far = total > 0 ? `${progress} of ${total}` : String(progress);
  const text = `${paint.dim("→")} ${label} ${paint.dim(`${far} ${shortLine(message, MAX_RESULT)}`.trim())}`;
  return { view, outputs: [{ to: "stderr", text: `${text}\n`, opens: id, fleeting: true }] };
}

function finishTool(view: View, { result, latencyMs }: ToolCallFinished, paint: Paint): Rendered {
  const { callId = "", content = "", isError = false } = result ?? {};
  const label = printableLine(view.calls.get(callId) ?? "");
  const mark = isError ? paint.red("✗") : paint.green("✓");
  const summary = shortLine(content, MAX_RESULT);
  const line = `${mark} ${label} ${paint.dim(`(${latencyMs} ms)`)} ${summary}`.trimEnd();
  return marked(say(view, line), result && { closes: callId });
}

function startSubAgent(view: View, { call, agent, executionId }: SubAgentStarted, paint: Paint): Rendered {
  const who = `${paint.bold(printableLine(agent))} ${paint.dim(printableLine(`as ${executionId}`))}`;
  const line = `${paint.dim("→")} ${who} ${paint.dim(shortLine(call?.arguments ?? "", MAX_ARGUMENTS))}`.trimEnd();
  return marked(say(view, line), call && { opens: call.id });
}

function endSubAgent(view: View, { executionId, phase, result }: SubAgentEnded, paint: Paint): Rendered {
  const mark = phase === Phase.SUCCEEDED ? paint.green("✓") : paint.red("✗");
  const label = printableLine(view.calls.get(result?.callId ?? "") ?? "sub-agent");
  const how = paint.dim(printableLine(`(${executionId} ${phaseName(phase)})`));
  const line = `${mark} ${label} ${how} ${shortLine(result?.content ?? "", MAX_RESULT)}`.trimEnd();
  return marked(say(view, line), result && { closes: result.callId });
}

/** The same, its last line being about a call. */
function marked(rendered: Rendered, mark: Pick<Output, "opens" | "closes"> | undefined): Rendered {
  const { outputs } = rendered;
  return {
    ...rendered,
    outputs: outputs.map((output, at) => (at === outputs.length - 1 ? { ...output, ...mark } : output)),
  };
}

/** The end of the execution. An answer that no model call showed, as where a follower came late, is written now. */
function end(view: View, change: PhaseChanged): Rendered {
  const answer = view.anyText || !change.output ? { view, outputs: [] } : appendText(view, change.output);
  return { ...then(answer, endLine), notice: { kind: "ended", change } };
}

function sayScripted(view: View, paint: Paint): Rendered {
  return view.saidScripted ? { view, outputs: [] } : say({ ...view, saidScripted: true }, paint.yellow(SCRIPTED));
}

/** One line on stderr, below whatever stands on the screen. */
function say(view: View, line: string): Rendered {
  const ended = endLine(view);
  return { view: ended.view, outputs: [...ended.outputs, { to: "stderr", text: `${line}\n` }] };
}

function endLine(view: View): Rendered {
  if (!view.midLine) return { view, outputs: [] };
  return { view: { ...view, midLine: false }, outputs: [{ to: "stdout", text: "\n" }] };
}

function then(first: Rendered, next: (view: View) => Rendered): Rendered {
  const second = next(first.view);
  return { ...second, outputs: [...first.outputs, ...second.outputs] };
}
