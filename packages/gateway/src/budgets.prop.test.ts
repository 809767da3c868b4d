import { create } from "@bufbuild/protobuf";
import { isFault } from "@stigmer/base";
import { type ExecutionLimits, ExecutionLimitsSchema, type Usage, UsageSchema } from "@stigmer/contracts/agentic";
import { addUsage, type Level } from "@stigmer/execution";
import fc from "fast-check";
import { expect, it } from "vitest";
import { createBudgets } from "./budgets.ts";
import { costOf, type Price } from "./price-list.ts";

const PRICE: Price = { input: 3_000_000, cacheWrite: 3_750_000, output: 15_000_000, source: "", date: "" };

/** A tree of executions: the one that a user started, and sub-agents below it. */
const PATHS = [["root"], ["left", "root"], ["right", "root"], ["deep", "left", "root"]] as const;

type Turn = {
  /** Which execution calls. */
  readonly at: number;
  readonly input: number;
  readonly wanted: number;
  /** How much of what is allowed the call uses in the end, in percent. */
  readonly used: number;
  /** Turns of the event loop until it begins, runs, and its outcome is stored. */
  readonly ticks: readonly [number, number, number];
  /** Whether the backend dies before the outcome is stored: what was set aside is gone, and nothing was recorded. */
  readonly lost: boolean;
};

const turns = fc.array(
  fc.record<Turn>({
    at: fc.nat(PATHS.length - 1),
    input: fc.integer({ min: 1, max: 3_000 }),
    wanted: fc.integer({ min: 1, max: 6_000 }),
    used: fc.oneof(fc.constant(100), fc.nat(100)),
    ticks: fc.tuple(fc.nat(4), fc.nat(4), fc.nat(4)),
    lost: fc.boolean(),
  }),
  { minLength: 1, maxLength: 24 },
);
const bound = fc.record({ tokens: fc.nat(20_000), cost: fc.nat(200_000) });
const bounds = fc.tuple(bound, bound, bound, bound);

it("never lets calls of one tree exceed a limit together, however they interleave", async () => {
  await fc.assert(
    fc.asyncProperty(turns, bounds, async (calls, limits) => {
      const tree = createTree(limits);

      const ends = await Promise.all(calls.map((call) => tree.call(call)));

      expect(ends.every((end) => end === "done" || end === "lost" || end === "refused")).toBe(true);
      for (const { id, limits: own, used } of tree.levelsNow()) {
        const tokens = used.inputTokens + used.outputTokens;
        if (own.maxTokens > 0n) expect(tokens, `tokens of ${id}`).toBeLessThanOrEqual(own.maxTokens);
        if (own.maxCostMicros > 0n) expect(used.costMicros, `cost of ${id}`).toBeLessThanOrEqual(own.maxCostMicros);
      }
    }),
    { numRuns: 300 },
  );
});

it("has nothing set aside once all calls are over: what is left is what was not used", async () => {
  await fc.assert(
    fc.asyncProperty(turns, async (calls) => {
      const tree = createTree([
        { tokens: 20_000, cost: 0 },
        ...Array.from({ length: 3 }, () => ({ tokens: 0, cost: 0 })),
      ]);
      await Promise.all(calls.map((call) => tree.call(call)));
      const [root] = tree.levelsNow();
      const left = 20_000n - (root?.used.inputTokens ?? 0n) - (root?.used.outputTokens ?? 0n);

      const share = await tree.reserve(PATHS[3], 0, 1_000_000).catch(() => undefined);

      expect(share?.outputTokens ?? 0n).toBe(left >= 256n ? left : 0n);
    }),
    { numRuns: 100 },
  );
});

type Bound = { readonly tokens: number; readonly cost: number };

function createTree(limits: readonly Bound[]) {
  const budgets = createBudgets();
  const own = new Map<string, { readonly limits: ExecutionLimits; readonly used: Usage }>();
  for (const [at, [id]] of PATHS.entries()) {
    const { tokens = 0, cost = 0 } = limits[at] ?? {};
    const bounds = create(ExecutionLimitsSchema, { maxTokens: BigInt(tokens), maxCostMicros: BigInt(cost) });
    own.set(id, { limits: bounds, used: create(UsageSchema) });
  }
  const levelOf = (id: string): Level => {
    const used = create(UsageSchema);
    for (const path of PATHS) if ((path as readonly string[]).includes(id)) addUsage(used, own.get(path[0])?.used);
    return { id, limits: own.get(id)?.limits ?? create(ExecutionLimitsSchema), used };
  };
  const reserve = (path: readonly string[], input: number, wanted: number) => {
    const levels = async (): Promise<Level[]> => {
      const read = path.map(levelOf);
      await ticks(2); // what is read is old by the time that it is looked at
      return read;
    };
    const planned = { model: "m", inputTokens: BigInt(input), outputTokens: BigInt(wanted), price: PRICE };
    return budgets.reserve(levels, planned, new AbortController().signal);
  };
  return {
    reserve,
    levelsNow: () => PATHS.map(([id]) => levelOf(id)),
    async call({ at, input, wanted, used, ticks: [before, during, after], lost }: Turn) {
      const path = PATHS[at] ?? PATHS[0];
      await ticks(before);
      try {
        const share = await reserve(path, input, wanted);
        const output = share ? Number(share.outputTokens) : wanted;
        await ticks(during);
        const spent = create(UsageSchema, {
          inputTokens: BigInt(Math.floor((input * used) / 100)),
          outputTokens: BigInt(Math.floor((output * used) / 100)),
        });
        spent.costMicros = costOf(PRICE, spent);
        if (!lost) addUsage(own.get(path[0])?.used ?? create(UsageSchema), spent);
        await ticks(after);
        share?.release();
        return lost ? "lost" : "done";
      } catch (error) {
        if (isFault(error, "LIMIT_REACHED")) return "refused";
        throw error;
      }
    },
  };
}

async function ticks(count: number): Promise<void> {
  for (let done = 0; done < count; done++) await new Promise((resolve) => setImmediate(resolve));
}
