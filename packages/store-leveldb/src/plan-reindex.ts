import type { Draft } from "./draft.ts";
import { difference } from "./index-difference.ts";
import { rowKey, signatureKey } from "./keys.ts";
import { planIndex } from "./plan-rows.ts";
import type { Reindex } from "./prepare.ts";
import { encodeId } from "./record-codec.ts";
import { decodeRow, encodeRow, stampRow } from "./row-codec.ts";

/** Plans the entries of rows that are still as they were read; a later put has brought its own. */
export function planReindex({ rows, signatures }: Reindex, draft: Draft): void {
  for (const { key, version, indexed } of rows) {
    const stored = draft.get(rowKey(key));
    const before = stored === undefined ? undefined : decodeRow(key, stored);
    if (before?.version !== version) continue;
    const after = { ...before, indexed };
    const moved = difference(before, after);
    if (moved === undefined) continue;
    planIndex(key, moved, draft);
    draft.put(rowKey(key), stampRow(encodeRow(after, after.bytes), version));
  }
  for (const { kind, signature } of signatures) draft.put(signatureKey(kind), encodeId(signature));
}
