import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { invalid } from "@stigmer/base";
import { type FieldManager, FieldManagerSchema } from "@stigmer/contracts/commons";
import type { Call } from "../call.ts";

/** Who owns which paths. */
export type Owners = ReadonlyMap<string, ReadonlySet<string>>;

const MANAGER = /^[\x20-\x7e]{1,128}$/;

/** Who sets the fields that a write sets. */
export function managerOf(call: Call): string {
  const name = call.fieldManager ?? call.caller.subject;
  if (MANAGER.test(name)) return name;
  throw invalid([{ field: "field-manager", description: "must have 1 to 128 printable ASCII characters" }]);
}

export function ownersOf(managers: readonly FieldManager[]): Owners {
  return new Map(managers.map(({ name, fields }) => [name, new Set(fields)]));
}

/** Managers other than `manager` that own a path. */
export function othersOf(owners: Owners, manager: string, path: string): string[] {
  return [...owners].filter(([name, paths]) => name !== manager && paths.has(path)).map(([name]) => name);
}

/** What `manager` no longer sets and nobody else owns. */
export function abandoned(owners: Owners, manager: string, applied: ReadonlySet<string>): ReadonlySet<string> {
  const own = [...(owners.get(manager) ?? [])];
  return new Set(own.filter((path) => !applied.has(path) && othersOf(owners, manager, path).length === 0));
}

/** After an apply: the manager owns what it applied and nothing else, and where it took a field over, alone. */
export function afterApply(
  owners: Owners,
  applied: { readonly manager: string; readonly paths: ReadonlySet<string>; readonly taken: ReadonlySet<string> },
): Owners {
  const others = [...owners].filter(([name]) => name !== applied.manager);
  return new Map([
    ...others.map(([name, paths]) => [name, without(paths, applied.taken)] as const),
    [applied.manager, applied.paths] as const,
  ]);
}

/** After another write: the manager alone owns what it changed or set; what is gone has no owner. */
export function afterWrite(
  owners: Owners,
  write: { readonly manager: string; readonly changed: ReadonlySet<string>; readonly gone: ReadonlySet<string> },
): Owners {
  const lost = new Set([...write.changed, ...write.gone]);
  const left = new Map([...owners].map(([name, paths]) => [name, without(paths, lost)]));
  return left.set(write.manager, new Set([...(left.get(write.manager) ?? []), ...write.changed]));
}

/** As the resource keeps it: in order of name, without those that own nothing. A manager whose fields are the same keeps its time, unless `touched`. */
export function toManagers(
  owners: Owners,
  previous: readonly FieldManager[],
  stamp: { readonly touched: string; readonly now: number },
): FieldManager[] {
  const before = new Map(previous.map((manager) => [manager.name, manager]));
  return [...owners]
    .filter(([, paths]) => paths.size > 0)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, paths]) => {
      const fields = [...paths].sort();
      const old = before.get(name);
      const same = old?.fields.join("\0") === fields.join("\0");
      const time = same && name !== stamp.touched ? old?.time : timestampFromMs(stamp.now);
      return create(FieldManagerSchema, { name, fields, ...(time && { time }) });
    });
}

function without(paths: ReadonlySet<string>, gone: ReadonlySet<string>): ReadonlySet<string> {
  return new Set([...paths].filter((path) => !gone.has(path)));
}
