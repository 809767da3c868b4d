import { exhausted } from "@stigmer/base";
import { inTurn, type Level } from "@stigmer/execution";
import { type BudgetPlan, type Left, type Planned, planShare, type Share } from "./budget-plan.ts";
import { priceUnknown } from "./model-choice.ts";

/** A share that is set aside for a call that runs. */
export type Reservation = Share & {
  /** The call is over, and what it used is recorded: the share is free. */
  release(): void;
};

/** Sets tokens and cost aside before models are called, so that calls of one tree at the same time stay within its bounds together. */
export interface Budgets {
  /**
   * Sets aside what a call may need at most; undefined where nothing bounds it. Waits while only shares of calls that run are in the
   * way. Throws `LIMIT_REACHED` where it would not fit without them either, and `MODEL_PRICE_UNKNOWN` where that cannot be said.
   */
  reserve(
    levels: () => Promise<readonly Level[]>,
    call: Planned,
    signal: AbortSignal,
  ): Promise<Reservation | undefined>;
}

type Held = { readonly share: Share; readonly path: readonly string[] };

/** An answer that could not be as long as this is not worth its request; while others run it is worth waiting for more. */
const LEAST_OUTPUT = 256n;
const GOOD_OUTPUT = 4_096n;

/** The calls that run of one execution that a user started, and of all below it. */
type Tree = { readonly held: Set<Held>; freed: PromiseWithResolvers<void> };

/** What calls have used is what the journals say, and what is set aside lives as long as this process: nothing is lost by its end. */
export function createBudgets(): Budgets {
  const trees = new Map<string, Tree>();
  const turns = new Map<string, Promise<unknown>>();
  return {
    async reserve(levels, call, signal) {
      const first = await levels();
      if (!first.some(isBounded)) return undefined;
      const root = first.at(-1)?.id ?? "";
      for (;;) {
        signal.throwIfAborted();
        const tree = await inTurn(turns, root, () => take(trees, root, { levels, call }));
        if ("release" in tree) return tree;
        await orAborted(tree.freed, signal);
      }
    },
  };
}

type Asked = { readonly levels: () => Promise<readonly Level[]>; readonly call: Planned };

/** Shares are looked at before journals: one that is given back in between counts twice, and never not at all. */
async function take(
  trees: Map<string, Tree>,
  root: string,
  { levels, call }: Asked,
): Promise<Reservation | { readonly freed: Promise<void> }> {
  const tree = trees.get(root) ?? { held: new Set<Held>(), freed: Promise.withResolvers<void>() };
  const freed = tree.freed.promise;
  const others = [...tree.held];
  const now = await levels();
  const plan = planShare(leftOf(now, others), call, others.length > 0 ? GOOD_OUTPUT : LEAST_OUTPUT);
  if (plan.kind === "fits")
    return hold(trees, root, { tree, held: { share: plan.share, path: now.map(({ id }) => id) } });
  const alone = planShare(leftOf(now, []), call, LEAST_OUTPUT);
  if (alone.kind !== "fits") throw refusal(alone, call);
  return { freed };
}

function hold(
  trees: Map<string, Tree>,
  root: string,
  { tree, held }: { readonly tree: Tree; readonly held: Held },
): Reservation {
  tree.held.add(held);
  trees.set(root, tree);
  return {
    ...held.share,
    release() {
      if (!tree.held.delete(held)) return;
      const { freed } = tree;
      tree.freed = Promise.withResolvers<void>();
      freed.resolve();
      if (tree.held.size === 0 && trees.get(root) === tree) trees.delete(root);
    },
  };
}

function isBounded({ limits }: Level): boolean {
  return limits.maxTokens > 0n || limits.maxCostMicros > 0n;
}

/** The least that any level leaves. */
function leftOf(levels: readonly Level[], held: readonly Held[]): Left {
  const lefts = levels.map(({ id, limits, used }) => {
    const shares = held.filter(({ path }) => path.includes(id)).map(({ share }) => share);
    const tokens = shares.reduce((sum, share) => sum + share.tokens, used.inputTokens + used.outputTokens);
    const cost = shares.reduce((sum, share) => sum + share.costMicros, used.costMicros);
    return { tokens: leftIn(limits.maxTokens, tokens), costMicros: leftIn(limits.maxCostMicros, cost) };
  });
  return {
    tokens: least(lefts.map(({ tokens }) => tokens)),
    costMicros: least(lefts.map(({ costMicros }) => costMicros)),
  };
}

function leftIn(limit: bigint, taken: bigint): bigint | undefined {
  if (limit === 0n) return undefined;
  return limit > taken ? limit - taken : 0n;
}

function least(values: readonly (bigint | undefined)[]): bigint | undefined {
  const set = values.filter((value) => value !== undefined);
  return set.reduce<bigint | undefined>((low, value) => (low === undefined || value < low ? value : low), undefined);
}

function refusal(plan: Exclude<BudgetPlan, { readonly kind: "fits" }>, { model }: Planned): Error {
  if (plan.kind === "unpriced") return priceUnknown(model);
  const { limit, left, needed } = plan;
  const [what, unit] = limit === "tokens" ? ["tokens", "tokens"] : ["cost", "millionths of a dollar"];
  const message = `the limit on ${what} is reached: ${left} ${unit} are left, and the next call of ${model} may need ${needed}`;
  return exhausted("LIMIT_REACHED", { limit: `max ${what}`, left, needed }, { message });
}

function orAborted(freed: Promise<void>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const aborted = (): void => reject(signal.reason);
    signal.addEventListener("abort", aborted, { once: true });
    void freed.then(() => {
      signal.removeEventListener("abort", aborted);
      resolve();
    });
    if (signal.aborted) aborted();
  });
}
