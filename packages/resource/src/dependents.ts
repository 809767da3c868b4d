import { Managed } from "@stigmer/contracts/commons";
import type { Reader, Row } from "@stigmer/store";
import type { Kind, Kinds } from "./kind.ts";
import { OWNER_FIELD } from "./select/kind-index.ts";
import { fromRow, metadataOf } from "./stored.ts";

/** A stored resource with its kind. */
export type Stored = { readonly kind: Kind; readonly row: Row };

/** Where to look: the rows of live resources, or of deleted ones. */
export type Place = (kind: Kind) => string;

/** Most resources that one delete takes along. */
export const MAX_DEPENDENTS = 1_000;

const PAGE = 500;

/** Resources that belong to `owner`, and those that belong to these, as far as `belongs` says so; about `MAX_DEPENDENTS` at most. */
export async function dependentsOf(
  of: { readonly read: Reader; readonly kinds: Kinds; readonly place: Place },
  owner: Stored,
  belongs: (dependent: Stored, gone: ReadonlySet<string>) => Promise<boolean> | boolean,
): Promise<readonly Stored[]> {
  const found = new Map<string, Stored>();
  const gone = new Set([owner.row.id]);
  const queue = [owner];
  for (let next = queue.shift(); next && found.size <= MAX_DEPENDENTS; next = queue.shift()) {
    for await (const dependent of directDependents(of, next)) {
      if (gone.has(dependent.row.id) || !(await belongs(dependent, gone))) continue;
      gone.add(dependent.row.id);
      found.set(dependent.row.id, dependent);
      queue.push(dependent);
    }
  }
  return [...found.values()];
}

/** Whether a resource has no owner left once these are gone. */
export async function losesAllOwners(read: Reader, { kind, row }: Stored, gone: ReadonlySet<string>): Promise<boolean> {
  for (const owner of metadataOf(fromRow(kind, row)).ownerRefs) {
    if (gone.has(owner.id)) continue;
    if (await read.get({ tenant: row.tenant, kind: owner.kind, id: owner.id })) return false;
  }
  return true;
}

/** Resources that name `owner` among their owners. */
export async function* directDependents(
  of: { readonly read: Reader; readonly kinds: Kinds; readonly place: Place },
  owner: Stored,
): AsyncIterable<Stored> {
  for (const kind of of.kinds.all) {
    if (kind.options.managed !== Managed.USER) continue; // what the system makes, it also ends
    const where = [[{ field: OWNER_FIELD, in: [owner.row.id] }]];
    const filter = { tenant: owner.row.tenant, kind: of.place(kind), where };
    let after: string | undefined;
    do {
      const page = await of.read.page(filter, { limit: PAGE, ...(after !== undefined && { after }) });
      for (const row of page.rows) yield { kind, row };
      after = page.next;
    } while (after !== undefined);
  }
}
