import type { KindIndex } from "@stigmer/store";
import type { Kinds } from "./kind.ts";
import { deletedKind, fromRow } from "./stored.ts";

/** How the rows of every kind are indexed, deleted resources included; for the store's `reindex` at start. */
export function rowIndexes(kinds: Kinds): readonly KindIndex[] {
  return kinds.all.flatMap((kind) => {
    const { signature, entriesOf } = kind.index;
    const index = {
      signature,
      entriesOf: (row: Parameters<KindIndex["entriesOf"]>[0]) => entriesOf(fromRow(kind, row)),
    };
    return [kind.options.kind, deletedKind(kind)].map((name) => ({ kind: name, ...index }));
  });
}
