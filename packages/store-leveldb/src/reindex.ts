import type { KindIndex, Row } from "@stigmer/store";
import type { Gate } from "./gate.ts";
import { rowRange, signatureKey, storedRow } from "./keys.ts";
import type { View } from "./level.ts";
import { decodeId } from "./record-codec.ts";
import { decodeRow } from "./row-codec.ts";
import type { Writer } from "./write.ts";

const ROWS_AT_ONCE = 500;
const BYTES_AT_ONCE = 4 * 1024 * 1024;

/** As `Store.reindex`. */
export async function reindex(
  { gate, view, writer }: { readonly gate: Gate; readonly view: View; readonly writer: Writer },
  kinds: readonly KindIndex[],
): Promise<number> {
  const stale = kinds.filter((index) => gate.now(() => signatureIn(view, index.kind)) !== index.signature);
  if (stale.length === 0) return 0;
  const wanted = new Map(stale.map((index) => [index.kind, index]));
  let count = 0;
  for (let after = "r"; ; ) {
    const found = await gate.through(() => readRows(view, after));
    const rows = found.rows.flatMap((row) => {
      const index = wanted.get(row.kind);
      return index === undefined ? [] : [{ key: row, version: row.version, indexed: wellFormed(index.entriesOf(row)) }];
    });
    count += rows.length;
    if (rows.length > 0) await writer.reindex({ rows, signatures: [] });
    if (found.last === undefined) break;
    after = found.last;
  }
  await writer.reindex({ rows: [], signatures: stale });
  return count;
}

/** All rows of the database, some at a time. */
export async function* rowsAtOnce(view: View): AsyncGenerator<readonly Row[]> {
  for (let after = "r"; ; ) {
    const { rows, last } = await readRows(view, after);
    yield rows;
    if (last === undefined) return;
    after = last;
  }
}

async function readRows(
  view: View,
  after: string,
): Promise<{ readonly rows: readonly Row[]; readonly last: string | undefined }> {
  const entries = await view.entries(rowRange(after), { limit: ROWS_AT_ONCE, maxBytes: BYTES_AT_ONCE });
  return { rows: entries.map(([key, value]) => decodeRow(storedRow(key), value)), last: entries.at(-1)?.[0] };
}

function signatureIn(view: View, kind: string): string | undefined {
  const value = view.get(signatureKey(kind));
  return value === undefined ? undefined : decodeId(value);
}

function wellFormed(entries: ReturnType<KindIndex["entriesOf"]>): ReturnType<KindIndex["entriesOf"]> {
  return entries.map(([field, value]) => [field, value.toWellFormed()] as const);
}
