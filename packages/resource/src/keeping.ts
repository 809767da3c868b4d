import { conflict, precondition } from "@stigmer/base";
import { Managed } from "@stigmer/contracts/commons";
import type { Precondition, Reader, RowContent, RowKey } from "@stigmer/store";
import type { Stored } from "./dependents.ts";
import type { Kinds } from "./kind.ts";
import { KEEPS_FIELD, keepsValue } from "./select/kind-index.ts";

/** What else the commit of rows needs that name others. */
export type Keeping = { readonly puts: readonly RowContent[]; readonly preconditions: readonly Precondition[] };

const PAGE = 500;
const MAX_NAMED = 5;
const NOTHING = new Uint8Array();

/**
 * For each resource that one of the rows names, and did not name before, in a field that keeps it: it must be there still, and its guard
 * moves, on which a delete of it depends. So of a delete and of what names the resource, whichever commits second plans again and sees the
 * first. One that is gone meanwhile is `VERSION_MOVED`.
 */
export async function keepingOf(read: Reader, puts: readonly RowContent[] = []): Promise<Keeping> {
  const guards = new Map<string, RowContent>();
  const preconditions: Precondition[] = [];
  for (const put of puts) {
    for (const [kind, name] of await newlyNamed(read, put)) {
      const row = await read.getByName({ tenant: put.tenant, kind, name });
      if (!row) throw conflict("VERSION_MOVED", { kind, name }, { message: `${kind} "${name}" was deleted just now` });
      if (guards.has(row.id)) continue;
      guards.set(row.id, {
        ...guardOf({ kind: { options: { kind } }, row }),
        name: "",
        parent: "",
        labels: {},
        bytes: NOTHING,
      });
      preconditions.push({ row: { tenant: row.tenant, kind, id: row.id }, version: row.version });
    }
  }
  return { puts: [...guards.values()], preconditions };
}

/** What a live row names that it did not name before; one that is undeleted names what it named then, where that is there still. */
async function newlyNamed(read: Reader, put: RowContent): Promise<(readonly [kind: string, name: string])[]> {
  const named = namesIn(put);
  if (named.length === 0 || put.kind.includes("/")) return [];
  const before = new Set(namesIn(await read.get(put)));
  const deleted = new Set(namesIn(await read.get({ ...put, kind: `${put.kind}/deleted` })));
  const found: (readonly [string, string])[] = [];
  for (const value of named) {
    const [kind = "", name = ""] = value.split("/");
    if (before.has(value)) continue;
    if (deleted.has(value) && !(await read.getByName({ tenant: put.tenant, kind, name }))) continue;
    found.push([kind, name]);
  }
  return found;
}

function namesIn(row: Pick<RowContent, "indexed"> | undefined): string[] {
  return (row?.indexed ?? []).filter(([field]) => field === KEEPS_FIELD).map(([, value]) => value);
}

type Guarded = { readonly kind: { readonly options: { readonly kind: string } }; readonly row: Omit<RowKey, "kind"> };

/** The row whose version moves with each commit that names a resource anew. It is purged with the resource. */
export function guardOf({ kind, row: { tenant, id } }: Guarded): RowKey {
  return { tenant, kind: `${kind.options.kind}/named`, id };
}

/**
 * Refuses with `RESOURCE_IN_USE` where resources that users make, and that do not go along, name one of these in a field that keeps it.
 * Answers with what makes sure at the commit that nobody has named one meanwhile.
 */
export async function requireUnnamed(
  { read, kinds }: { readonly read: Reader; readonly kinds: Kinds },
  all: readonly Stored[],
): Promise<readonly Precondition[]> {
  const guards: Precondition[] = [];
  for (const one of all) {
    const row = guardOf(one);
    guards.push({ row, version: (await read.get(row))?.version ?? 0 }); // before the look at who names it
  }
  const named = await naming({ read, kinds }, all);
  if (named.length > 0) throw isNamed(all, named);
  return guards;
}

/** Those that name one of these and stay, as far as they are told of; what goes along is looked at and passed by. */
async function naming(of: { readonly read: Reader; readonly kinds: Kinds }, all: readonly Stored[]): Promise<Stored[]> {
  const going = new Set(all.map(({ row }) => row.id));
  const values = all.map(({ kind, row }) => keepsValue({ kind: kind.options.kind, name: row.name }));
  const found: Stored[] = [];
  for (const kind of of.kinds.all) {
    if (kind.options.managed !== Managed.USER) continue;
    const where = [[{ field: KEEPS_FIELD, in: values }]];
    const filter = { tenant: all[0]?.row.tenant ?? "", kind: kind.options.kind, where };
    for (let after: string | undefined = ""; after !== undefined && found.length <= MAX_NAMED; ) {
      const { rows, next } = await of.read.page(filter, { after, limit: PAGE });
      found.push(...rows.filter(({ id }) => !going.has(id)).map((row) => ({ kind, row })));
      after = next;
    }
  }
  return found;
}

function isNamed([first]: readonly Stored[], named: readonly Stored[]): Error {
  const shown = named.slice(0, MAX_NAMED);
  const who = shown.map(({ kind, row }) => `${kind.options.kind.toLowerCase()} "${row.name}"`).join(", ");
  const more = named.length > shown.length ? " and others" : "";
  const { kind = "", name = "" } = first ? { kind: first.kind.options.kind, name: first.row.name } : {};
  const message = `${kind.toLowerCase()} "${name}" is named by ${who}${more}; change or delete these first`;
  const resources = shown.map(({ kind: of, row }) => `${of.options.kind}/${row.name}`).join(", ");
  return precondition("RESOURCE_IN_USE", { kind, name, resources }, { message });
}
