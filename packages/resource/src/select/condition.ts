import { type Indexed, type IndexTerm, MAX_WHERE_VALUES, type Where, whereMatcher } from "@stigmer/store";

/** What is asked of a row's labels and index entries. */
export type Condition =
  | { readonly all: readonly Condition[] }
  | { readonly any: readonly Condition[] }
  | { readonly not: Condition }
  /** What no index answers: some entry of the field has a value of which this is true. */
  | { readonly field: string; readonly like: (value: string) => boolean }
  | IndexTerm;

export type Predicate = (row: Indexed) => boolean;

/** How rows are found: the store looks up `where`, and of what it finds those count for which `rest` is true. */
export type IndexPlan = { readonly where: Where; readonly rest: Predicate };

/** The condition as a function; it looks at nothing but labels and entries. */
export function predicateOf(condition: Condition): Predicate {
  if ("all" in condition) {
    const parts = condition.all.map(predicateOf);
    return (row) => parts.every((holds) => holds(row));
  }
  if ("any" in condition) {
    const parts = condition.any.map(predicateOf);
    return (row) => parts.some((holds) => holds(row));
  }
  if ("not" in condition) {
    const holds = predicateOf(condition.not);
    return (row) => !holds(row);
  }
  if ("like" in condition) {
    const { field, like } = condition;
    return ({ indexed = [] }) => indexed.some(([name, value]) => name === field && like(value));
  }
  return whereMatcher([[condition]]);
}

/** Splits a condition into what an index answers and what is left; together they are the condition. */
export function planOf(condition: Condition): IndexPlan {
  const where: (readonly IndexTerm[])[] = [];
  const rest: Condition[] = [];
  let room = MAX_WHERE_VALUES;
  for (const part of conjuncts(condition)) {
    const clause = clauseOf(part);
    const size = clause?.reduce((sum, term) => sum + ("in" in term ? term.in.length : 1), 0) ?? 0;
    if (clause === undefined || size > room) rest.push(part);
    else where.push(clause);
    room -= clause === undefined || size > room ? 0 : size;
  }
  return { where, rest: predicateOf({ all: rest }) };
}

function conjuncts(condition: Condition): readonly Condition[] {
  return "all" in condition ? condition.all.flatMap(conjuncts) : [condition];
}

function clauseOf(condition: Condition): readonly IndexTerm[] | undefined {
  if ("all" in condition || "not" in condition || "like" in condition) return undefined;
  if (!("any" in condition)) return [condition];
  const clauses = condition.any.map(clauseOf);
  return clauses.every((clause) => clause !== undefined) ? clauses.flat() : undefined;
}
