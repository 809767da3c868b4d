import { type Condition, type IndexPlan, type Predicate, planOf, predicateOf } from "./condition.ts";
import { conditionOf } from "./filter.ts";
import type { KindIndex } from "./kind-index.ts";
import { parseLabelSelector } from "./label-selector.ts";

/** What a list or a watch selects by, beside organization and parent. */
export type Selected = { readonly labelSelector: string; readonly filter: string };

/** Which resources of a kind are meant. Neither part needs more of a resource than its labels and index entries. */
export type Selection = {
  /** How the store finds them. */
  readonly plan: IndexPlan;
  /** Whether a row is one of them. */
  readonly matches: Predicate;
};

/** Refuses a selector or a filter that is none of the kind's, with its place. */
export function selectionOf(index: KindIndex, { labelSelector, filter }: Selected): Selection {
  const condition: Condition = { all: [parseLabelSelector(labelSelector), conditionOf(index, filter)] };
  return { plan: planOf(condition), matches: predicateOf(condition) };
}
