import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { AgentExecutionSchema } from "@stigmer/contracts/agentic";
import { UsageGroup } from "@stigmer/contracts/gateway";
import { expect, it } from "vitest";
import { compare, createUsageSums, orderOf } from "./usage-rows.ts";

function execution(agent: string, models: readonly { model: string; costMicros: bigint }[], day = "2026-11-01") {
  const usage = { costMicros: models.reduce((sum, { costMicros }) => sum + costMicros, 0n), inputTokens: 1n };
  return create(AgentExecutionSchema, {
    metadata: { createTime: timestampFromMs(Date.parse(`${day}T23:59:59Z`)) },
    spec: { agent },
    status: {
      ...{ sessionId: `ses_${agent}`, usage },
      modelUsage: models.map(({ model, costMicros }) => ({ model, calls: 2n, usage: { costMicros } })),
    },
  } satisfies MessageInitShape<typeof AgentExecutionSchema>);
}

it("counts an execution with each model that it asked, and once in all", () => {
  const sums = createUsageSums(UsageGroup.MODEL);

  sums.add(
    execution("a", [
      { model: "p/x", costMicros: 3n },
      { model: "p/y", costMicros: 9n },
    ]),
  );
  sums.add(execution("b", [{ model: "p/x", costMicros: 1n }]));

  expect(sums.rows().map(({ key, executions, calls, usage }) => [key, executions, calls, usage?.costMicros])).toEqual([
    ["p/y", 1n, 2n, 9n],
    ["p/x", 2n, 4n, 4n],
  ]);
  expect(sums.total).toMatchObject({ executions: 2n, calls: 6n, usage: { costMicros: 13n } });
});

it("tells the most expensive first, and by days the newest", () => {
  const [byAgent, byDay] = [createUsageSums(UsageGroup.AGENT), createUsageSums(UsageGroup.DAY)];
  const made = [
    execution("cheap", [{ model: "p/x", costMicros: 9n }], "2026-11-03"),
    execution("dear", [{ model: "p/x", costMicros: 10n }], "2026-11-01"),
    execution("also-cheap", [{ model: "p/x", costMicros: 9n }], "2026-11-02"),
  ];

  for (const one of made) for (const sums of [byAgent, byDay]) sums.add(one);

  expect(byAgent.rows().map(({ key }) => key)).toEqual(["dear", "also-cheap", "cheap"]);
  expect(byDay.rows().map(({ key }) => key)).toEqual(["2026-11-03", "2026-11-02", "2026-11-01"]);
});

it("has an order in which no two rows are equal", () => {
  const sums = createUsageSums(UsageGroup.AGENT);
  for (const agent of ["b", "a", "c"]) sums.add(execution(agent, []));
  const orders = sums.rows().map((row) => orderOf(UsageGroup.AGENT, row));

  for (const [at, order] of orders.entries())
    for (const [other, compared] of orders.entries())
      expect(Math.sign(compare(order, compared))).toBe(Math.sign(at - other));
});
