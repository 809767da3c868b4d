import { type Indexed, nameTaken, type RowKey } from "@stigmer/store";
import type { Draft } from "./draft.ts";
import { type Difference, difference } from "./index-difference.ts";
import { indexKeys } from "./index-keys.ts";
import { changeKey, nameKey, parentKey, rowKey } from "./keys.ts";
import type { PreparedCommit, PreparedPut } from "./prepare.ts";
import { decodeId, encodeId, NOTHING } from "./record-codec.ts";
import { decodeRow, encodeChanges, isFoundAlike, type RowChange, stampRow } from "./row-codec.ts";

/** What the indexes are about. */
type Place = Indexed & { readonly name: string; readonly parent: string };

type Move = {
  readonly key: RowKey;
  readonly before: Place | undefined;
  readonly after: Place | undefined;
  readonly change: RowChange;
  readonly moved: Difference | undefined;
};

const NOWHERE: Indexed = { labels: {} };

/**
 * Plans a commit's rows with their indexes, and the record of its changes, which is returned; undefined where no row
 * changes. Refuses a name that another row has.
 */
export function planRows(commit: PreparedCommit, draft: Draft, revision: number): Uint8Array | undefined {
  const moves = [...commit.puts.map((put) => planPut(put, draft, revision)), ...planDeletes(commit.deletes, draft)];
  if (moves.length === 0) return undefined;
  planNames(moves, draft);
  for (const move of moves) planRow(move, draft);
  const record = encodeChanges(moves.map(({ change }) => change));
  draft.put(changeKey(revision), record);
  return record;
}

function planPut({ row, value }: PreparedPut, draft: Draft, revision: number): Move {
  const key = { tenant: row.tenant, kind: row.kind, id: row.id };
  const stored = draft.get(rowKey(key));
  const before = stored === undefined ? undefined : placeBefore(key, stored, { row, value });
  const moved = before === row ? undefined : difference(before ?? NOWHERE, row);
  const created = before === undefined;
  const change: RowChange = { key, type: "put", created, value: stampRow(value, revision), ...(!created && { moved }) };
  return { key, before, after: row, change, moved };
}

// Most puts move nothing, and that is seen without taking what is stored apart.
function placeBefore(key: RowKey, stored: Uint8Array, { row, value }: PreparedPut): Place {
  return isFoundAlike(stored, value) ? row : decodeRow(key, stored);
}

function planDeletes(deletes: readonly RowKey[], draft: Draft): readonly Move[] {
  return deletes.flatMap((key) => {
    const value = draft.get(rowKey(key));
    if (value === undefined) return [];
    const change: RowChange = { key, type: "delete", created: false, value };
    const before = decodeRow(key, value);
    return [{ key, before, after: undefined, change, moved: difference(before, NOWHERE) }];
  });
}

// Names are given up before they are taken, so that rows of one commit can swap them.
function planNames(moves: readonly Move[], draft: Draft): void {
  const renamed = moves.filter(({ before, after }) => before?.name !== after?.name);
  for (const { key, before } of renamed) {
    if (before !== undefined && before.name !== "") draft.remove(nameKey({ ...key, name: before.name }));
  }
  for (const { key, after } of renamed) {
    if (after !== undefined && after.name !== "") takeName(draft, key, after.name);
  }
}

function takeName(draft: Draft, key: RowKey, name: string): void {
  const at = nameKey({ ...key, name });
  const holder = draft.get(at);
  if (holder !== undefined && decodeId(holder) !== key.id) throw nameTaken(key.kind, name);
  draft.put(at, encodeId(key.id));
}

/** Plans the index entries of a row; those that do not differ are not written. */
export function planIndex(key: RowKey, moved: Difference | undefined, draft: Draft): void {
  if (moved === undefined) return;
  const came = indexKeys(key, moved.came);
  for (const gone of indexKeys(key, moved.gone)) if (!came.includes(gone)) draft.remove(gone);
  for (const at of came) draft.put(at, NOTHING);
}

function planRow({ key, before, after, change, moved }: Move, draft: Draft): void {
  planIndex(key, moved, draft);
  if (after === undefined) draft.remove(rowKey(key));
  else draft.put(rowKey(key), change.value);
  if (before?.parent === after?.parent) return;
  if (before !== undefined && before.parent !== "") draft.remove(parentKey({ ...key, parent: before.parent }));
  if (after !== undefined && after.parent !== "") draft.put(parentKey({ ...key, parent: after.parent }), NOTHING);
}
