import { clone, type Registry } from "@bufbuild/protobuf";
import type { Kind, Resource } from "../kind.ts";
import { keepSealed } from "../sealing.ts";
import { metadataOf } from "../stored.ts";
import { sameValue } from "./changes.ts";
import { leavesOf, pathsOf } from "./leaves.ts";
import { mergeApplied, removePaths } from "./merge.ts";
import { abandoned, afterApply, type Owners, othersOf, ownersOf } from "./owners.ts";

/** A field that an apply would take from somebody; `value` is its JSON as it is, undefined where it is sensitive. */
export type Conflict = { readonly path: string; readonly manager: string; readonly value: string | undefined };

/** What an apply makes of a resource. It is what is wanted only where there are no conflicts, or by force. */
export type MergePlan = {
  readonly merged: Resource;
  readonly owners: Owners;
  readonly pruned: readonly string[];
  readonly conflicts: readonly Conflict[];
};

/**
 * Merges what a manager applies into a resource, by the rules of Kubernetes' server-side apply: what it sets is its own,
 * what it alone owned and no longer sets is removed, and the rest stays. Changes neither of the two.
 */
export function planMerge(
  of: { readonly kind: Kind; readonly registry: Registry },
  previous: Resource,
  apply: { readonly applied: Resource; readonly manager: string },
): MergePlan {
  const { kind, registry } = of;
  const { applied, manager } = apply;
  const owners = ownersOf(metadataOf(previous).fieldManagers);
  const paths = new Set(pathsOf(kind, applied));
  const gone = abandoned(owners, manager, paths);
  const merged = clone(kind.schema, previous) as Resource;
  removePaths(kind, merged, gone);
  mergeApplied(kind, merged, clone(kind.schema, applied) as Resource);
  keepSealed(kind, merged, previous);
  const before = leavesOf(kind, previous, registry);
  const after = leavesOf(kind, merged, registry);
  const moved = [...before].filter(([path, leaf]) => !gone.has(path) && !sameValue(leaf, after.get(path)));
  const conflicts = moved.flatMap(([path, { value, sensitive }]) =>
    othersOf(owners, manager, path).map((other) => ({
      ...{ path, manager: other },
      value: sensitive ? undefined : JSON.stringify(value),
    })),
  );
  const taken = new Set(conflicts.map(({ path }) => path));
  const pruned = [...gone].filter((path) => before.has(path) && !after.has(path)).sort();
  return { merged, owners: afterApply(owners, { manager, paths, taken }), pruned, conflicts };
}
