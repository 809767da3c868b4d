import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import {
  ModelQueryController,
  UsageGroup,
  UsageRequestSchema,
  type UsageResponse,
  UsageResponseSchema,
  type UsageRow,
} from "@stigmer/contracts/gateway";
import { type Command, Option } from "commander";
import { type Backend, openBackend } from "../backend/open-backend.ts";
import { type GlobalOptions, newLeaf, optionsOf } from "../command-line.ts";
import type { Deps } from "../deps.ts";
import { printMessage } from "../kinds/message-printer.ts";
import { dollars } from "../output/dollars.ts";
import { formatOf } from "../output/format.ts";
import { timeOf } from "../output/moment.ts";
import { formatDelimited, formatTable } from "../output/table.ts";

export type UsageOptions = GlobalOptions & {
  readonly by: keyof typeof GROUPS;
  readonly since: string;
  readonly until?: string;
};

const GROUPS = {
  agent: UsageGroup.AGENT,
  model: UsageGroup.MODEL,
  session: UsageGroup.SESSION,
  day: UsageGroup.DAY,
} as const;

export function newUsageCommand(deps: Deps, run = usage): Command {
  const by = new Option("--by <group>", "by what it is grouped").choices(Object.keys(GROUPS)).default("agent");
  return newLeaf("usage", "Shows what executions used: tokens and cost.")
    .addOption(by)
    .option("--since <when>", "executions made since: 7d, 12h, a date such as 2026-11-01, or all", "30d")
    .option("--until <when>", "executions made before: the same, or now unless told")
    .action((_, command: Command) => run(deps, optionsOf<UsageOptions>(command)));
}

/** Shows all rows, and on a terminal their sum. */
export async function usage(deps: Deps, options: UsageOptions): Promise<void> {
  const format = formatOf(options.output, { isTTY: deps.stdout.isTTY, allowed: ["table", "json", "yaml"] });
  const now = deps.clock.now();
  const [from, to] = [timeOf(options.since, now), options.until === undefined ? undefined : timeOf(options.until, now)];
  const times = { ...(from && { from: timestampFromDate(from) }), ...(to && { to: timestampFromDate(to) }) };
  await using backend = await openBackend(deps, options);
  const answer = await readAll(deps, backend, { ...times, groupBy: GROUPS[options.by] });
  if (format === "json" || format === "yaml") return await printMessage(deps, UsageResponseSchema, answer, format);
  await deps.stdout.write(format === "table" ? tableOf(deps, options.by, answer) : answer.rows.map(rowOf).join(""));
}

/** All pages as one answer. */
async function readAll(
  { interrupt }: Deps,
  backend: Backend,
  asked: MessageInitShape<typeof UsageRequestSchema>,
): Promise<UsageResponse> {
  const rows: UsageRow[] = [];
  for (let pageToken = ""; ; ) {
    const request = create(UsageRequestSchema, { ...asked, pageToken, pageSize: 1_000 });
    const page = await backend.client().service(ModelQueryController).usage(request, { signal: interrupt });
    rows.push(...page.rows);
    pageToken = page.nextPageToken;
    if (pageToken === "") return { ...page, rows };
  }
}

function tableOf({ stdout }: Deps, by: string, { rows, total }: UsageResponse): string {
  const headings = [by, "executions", "calls", "input", "cached", "output", "cost"];
  const sum = total && rows.length !== 1 ? [["total", ...figuresOf(total)]] : [];
  return formatTable(headings, [...rows.map((row) => [row.key, ...figuresOf(row)]), ...sum], stdout.columns);
}

function figuresOf({ executions, calls, usage: used }: UsageRow): string[] {
  const {
    inputTokens = 0n,
    cachedInputTokens = 0n,
    outputTokens = 0n,
    costMicros = 0n,
    unpricedCalls = 0,
  } = used ?? {};
  const unknown = unpricedCalls > 0 ? ` and ${unpricedCalls} unpriced` : "";
  return [
    ...[executions, calls, inputTokens, cachedInputTokens, outputTokens].map(String),
    `${dollars(costMicros)}${unknown}`,
  ];
}

/** For programs: the cost in millionths of a dollar, and the calls whose price is not known. */
function rowOf({ key, executions, calls, usage: used }: UsageRow): string {
  const {
    inputTokens = 0n,
    cachedInputTokens = 0n,
    outputTokens = 0n,
    costMicros = 0n,
    unpricedCalls = 0,
  } = used ?? {};
  const figures = [executions, calls, inputTokens, cachedInputTokens, outputTokens, costMicros, unpricedCalls];
  return formatDelimited([key, ...figures.map(String)]);
}
