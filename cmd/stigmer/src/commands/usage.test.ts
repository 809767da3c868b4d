import { timestampDate } from "@bufbuild/protobuf/wkt";
import { ModelQueryController, UsageGroup, type UsageRequest } from "@stigmer/contracts/gateway";
import { expect, it } from "vitest";
import { createWorld, URL_OF_BACKEND, type World } from "../deps.fake.ts";

const USED = { inputTokens: 1_000n, cachedInputTokens: 600n, outputTokens: 50n, costMicros: 1_500_000n };
const ROWS = [
  { key: "coder", executions: 2n, calls: 9n, usage: USED },
  { key: "helper", executions: 1n, calls: 1n, usage: { inputTokens: 5n, unpricedCalls: 1 } },
];
const TOTAL = { executions: 3n, calls: 10n, usage: { ...USED, unpricedCalls: 1 } };

it("shows what agents used in the last thirty days, with their sum", async () => {
  const { world, run, requests } = await scene(true);

  const code = await run();

  expect([code, world.stdout()]).toEqual([
    0,
    [
      "AGENT    EXECUTIONS   CALLS   INPUT   CACHED   OUTPUT   COST",
      "coder    2            9       1000    600      50       $1.50",
      "helper   1            1       5       0        0        $0.00 and 1 unpriced",
      "total    3            10      1000    600      50       $1.50 and 1 unpriced",
      "",
    ].join("\n"),
  ]);
  expect(requests[0]?.groupBy).toBe(UsageGroup.AGENT);
  expect(timeOf(requests[0]?.from)).toBe("2026-01-01T12:00:00.000Z");
  expect(requests[0]?.to).toBeUndefined();
});

it("reads every page, and writes rows for programs without the sum", async () => {
  const { world, run, requests } = await scene(false);

  const code = await run("--by", "model", "--since", "all", "--until", "2026-01-02");

  expect([code, world.stdout()]).toEqual([0, "coder\t2\t9\t1000\t600\t50\t1500000\t0\nhelper\t1\t1\t5\t0\t0\t0\t1\n"]);
  expect(requests.map(({ groupBy, pageToken }) => [groupBy, pageToken])).toEqual([
    [UsageGroup.MODEL, ""],
    [UsageGroup.MODEL, "more"],
  ]);
  expect([requests[0]?.from, timeOf(requests[0]?.to)]).toEqual([undefined, "2026-01-02T00:00:00.000Z"]);
});

it("writes the contract's JSON, all pages as one", async () => {
  const { world, run } = await scene(false);

  expect(await run("-o", "json")).toBe(0);
  expect(JSON.parse(world.stdout())).toMatchObject({
    rows: [{ key: "coder" }, { key: "helper" }],
    total: { calls: "10" },
  });
});

it.each([
  ["--by", "moon"],
  ["--since", "yesterday"],
])("refuses %s %s", async (...args) => {
  const { run, requests } = await scene(false);

  expect(await run(...args)).toBe(2);
  expect(requests).toEqual([]);
});

function timeOf(time: UsageRequest["from"]): string | undefined {
  return time && timestampDate(time).toISOString();
}

async function scene(isTTY: boolean): Promise<{
  world: World;
  requests: UsageRequest[];
  run: (...args: string[]) => Promise<number>;
}> {
  const requests: UsageRequest[] = [];
  const world = await createWorld({
    isTTY,
    backends: {
      [URL_OF_BACKEND]: (router) => {
        router.service(ModelQueryController, {
          usage(request) {
            requests.push(request);
            const isFirst = request.pageToken === "";
            return {
              rows: ROWS.slice(...(isFirst ? [0, 1] : [1])),
              nextPageToken: isFirst ? "more" : "",
              total: TOTAL,
            };
          },
        });
      },
    },
  });
  return { world, requests, run: (...args) => world.run("usage", ...args, "--url", URL_OF_BACKEND) };
}
