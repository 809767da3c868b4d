import { timestampDate } from "@bufbuild/protobuf/wkt";
import {
  WaitingCause as Cause,
  ExecutionQueryController,
  ExecutionPhase as Phase,
  type Waiting,
  WaitingCauseSchema,
  type WhyResponse,
  WhyResponseSchema,
} from "@stigmer/contracts/agentic";
import { openBackend } from "../backend/open-backend.ts";
import type { GlobalOptions } from "../command-line.ts";
import type { Deps } from "../deps.ts";
import { executionId } from "../execution/find-execution.ts";
import { phaseName } from "../execution/life-text.ts";
import { enumText } from "../kinds/enum-text.ts";
import { printMessage } from "../kinds/message-printer.ts";
import { formatOf } from "../output/format.ts";
import { paintFor } from "../output/paint.ts";
import { printableLine } from "../output/printable.ts";
import { relativeTime } from "../output/relative-time.ts";
import { remainingTime } from "../output/remaining.ts";
import { formatDelimited } from "../output/table.ts";

export type WhyOptions = GlobalOptions & { readonly name: string };

/** Says where an execution is in its life and everything that it waits for, with what to type next. */
export async function why(deps: Deps, options: WhyOptions): Promise<void> {
  const format = formatOf(options.output, { isTTY: deps.stdout.isTTY, allowed: ["table", "json", "yaml"] });
  await using backend = await openBackend(deps, options);
  const id = await executionId(deps, backend.client(), options.name);
  const answer = await backend
    .client()
    .service(ExecutionQueryController)
    .why({ executionId: id }, { signal: deps.interrupt });
  if (format === "json" || format === "yaml") return await printMessage(deps, WhyResponseSchema, answer, format);
  await deps.stdout.write(format === "delimited" ? rows(id, answer) : blocks(deps, id, answer));
}

/** What a person types to end the wait, or to see more of it. */
export function nextCommand(id: string, { cause, object }: Pick<Waiting, "cause" | "object">): string {
  const about = object || `<${cause === Cause.APPROVAL ? "approval" : "execution"}>`;
  return COMMANDS[cause]?.(id, about) ?? "";
}

const COMMANDS: Readonly<Partial<Record<Cause, (id: string, object: string) => string>>> = {
  [Cause.WORKING]: (id) => `stigmer execution logs -f ${id}`,
  [Cause.RUNNER]: () => "stigmer runner list",
  [Cause.SESSION]: (_, object) => `stigmer execution why ${object}`,
  [Cause.APPROVAL]: (_, object) => `stigmer approval approve ${object}`,
  [Cause.INPUT]: (id) => `stigmer execution input ${id}`,
  [Cause.PAUSED]: (id) => `stigmer execution resume ${id}`,
  [Cause.SUB_AGENT]: (_, object) => `stigmer execution why ${object}`,
  [Cause.CANCELLING]: (id) => `stigmer execution terminate ${id}`,
};

/** One line for each thing that is awaited; one without a cause where nothing is. */
function rows(id: string, { phase, waiting }: WhyResponse): string {
  const empty = [[phaseName(phase), "", "", "", "", "", "", ended(id, phase)?.next ?? ""]];
  const lines = waiting.map((one) => {
    const { since, until } = timesOf(one);
    const times = [since?.toISOString() ?? "", until?.toISOString() ?? ""];
    return [phaseName(phase), causeName(one.cause), ...times, one.who, one.object, one.message, nextCommand(id, one)];
  });
  return (lines.length > 0 ? lines : empty).map(formatDelimited).join("");
}

function blocks(deps: Deps, id: string, { phase, waiting }: WhyResponse): string {
  const paint = paintFor(deps.stdout, deps.env);
  const end = ended(id, phase);
  const first = printableLine(`${phaseName(phase)}${end ? `: ${end.what}` : ""}`);
  const next = end?.next ? [`  next    ${end.next}`] : [];
  return `${[paint.bold(first), ...next, ...waiting.map((one) => block(id, one, deps.clock.now()))].join("\n")}\n`;
}

function block(id: string, one: Waiting, now: number): string {
  const { since, until } = timesOf(one);
  const lines = [
    ["waits for", `${causeName(one.cause)}${one.object && ` (${one.object})`}`],
    ["what", one.message],
    ["since", since && `${relativeTime(since.getTime(), now)} ago (${since.toISOString()})`],
    ["until", until ? `${remainingTime(until.getTime(), now)} (${until.toISOString()})` : "for ever"],
    ["who", one.who],
    ["next", nextCommand(id, one)],
  ];
  return lines
    .filter(([, value]) => value)
    .map(([label = "", value = ""]) => `  ${label.padEnd(10)}${printableLine(value)}`)
    .join("\n");
}

/** What is said of a phase that nothing follows by itself. */
function ended(id: string, phase: Phase): { readonly what: string; readonly next: string } | undefined {
  if (phase === Phase.FAILED) return { what: "it has ended", next: `stigmer execution retry ${id}` };
  const isEnd = [Phase.SUCCEEDED, Phase.CANCELLED, Phase.TERMINATED].includes(phase);
  return isEnd ? { what: "it has ended, and waits for nothing", next: "" } : undefined;
}

function timesOf({ since, until }: Waiting): { readonly since?: Date | undefined; readonly until?: Date | undefined } {
  return { since: since && timestampDate(since), until: until && timestampDate(until) };
}

function causeName(cause: Cause): string {
  return enumText(WaitingCauseSchema, cause).toLowerCase().replaceAll("_", " ");
}
