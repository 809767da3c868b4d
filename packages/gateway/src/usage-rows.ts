import { create } from "@bufbuild/protobuf";
import { timestampDate } from "@bufbuild/protobuf/wkt";
import { type AgentExecution, type Usage, UsageSchema } from "@stigmer/contracts/agentic";
import { UsageGroup, type UsageRow, UsageRowSchema } from "@stigmer/contracts/gateway";
import { addUsage } from "@stigmer/execution";

/** What executions used, by group, and together. */
export interface UsageSums {
  add(execution: AgentExecution): void;
  readonly total: UsageRow;
  /** The rows in the order in which they are told. */
  rows(): UsageRow[];
}

export function createUsageSums(group: UsageGroup): UsageSums {
  const byKey = new Map<string, UsageRow>();
  const total = newRow("");
  return {
    total,
    add(execution) {
      const parts = partsOf(execution, group);
      for (const part of parts) {
        const row = byKey.get(part.key) ?? newRow(part.key);
        byKey.set(part.key, row);
        addTo(row, part);
        addTo(total, { ...part, executions: 0n });
      }
      total.executions += parts.length > 0 ? 1n : 0n;
    },
    rows: () => [...byKey.values()].sort((one, other) => compare(orderOf(group, one), orderOf(group, other))),
  };
}

function newRow(key: string): UsageRow {
  return create(UsageRowSchema, { key, usage: create(UsageSchema) });
}

type Part = {
  readonly key: string;
  readonly executions: bigint;
  readonly calls: bigint;
  readonly usage: Usage | undefined;
};

/** What one execution adds to which groups. */
function partsOf({ metadata, spec, status }: AgentExecution, group: UsageGroup): Part[] {
  const models = status?.modelUsage ?? [];
  if (group === UsageGroup.MODEL)
    return models.map(({ model, calls, usage }) => ({ key: model, executions: 1n, calls, usage }));
  const calls = models.reduce((sum, model) => sum + model.calls, 0n);
  return [{ key: keyOf(group, { metadata, spec, status }), executions: 1n, calls, usage: status?.usage }];
}

function keyOf(
  group: UsageGroup,
  { metadata, spec, status }: Pick<AgentExecution, "metadata" | "spec" | "status">,
): string {
  if (group === UsageGroup.AGENT) return spec?.agent ?? "";
  if (group === UsageGroup.SESSION) return status?.sessionId ?? "";
  if (group !== UsageGroup.DAY || !metadata?.createTime) return "";
  return timestampDate(metadata.createTime).toISOString().slice(0, 10);
}

function addTo(row: UsageRow, { executions, calls, usage }: Part): void {
  row.executions += executions;
  row.calls += calls;
  row.usage ??= create(UsageSchema);
  addUsage(row.usage, usage);
}

/** By what rows are told apart and put in order; larger comes first, but keys that are not days. */
export type Order = readonly [cost: string, tokens: string, key: string];

const DIGITS = 20;

export function orderOf(group: UsageGroup, { key, usage }: UsageRow): Order {
  if (group === UsageGroup.DAY) return [key, "", ""];
  const tokens = (usage?.inputTokens ?? 0n) + (usage?.outputTokens ?? 0n);
  return [padded(usage?.costMicros ?? 0n), padded(tokens), key];
}

function padded(value: bigint): string {
  return String(value).padStart(DIGITS, "0");
}

/** Less than 0 where `one` is told before `other`. */
export function compare(one: Order, other: Order): number {
  return descending(one[0], other[0]) || descending(one[1], other[1]) || descending(other[2], one[2]);
}

function descending(one: string, other: string): number {
  if (one === other) return 0;
  return one > other ? -1 : 1;
}
