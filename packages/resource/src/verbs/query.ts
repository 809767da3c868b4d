import type { Message } from "@bufbuild/protobuf";
import type { RowFilter } from "@stigmer/store";
import type { Call } from "../call.ts";
import type { Kind } from "../kind.ts";
import { type Selection, selectionOf } from "../select/selection.ts";

/** What the requests of a list and of a watch have in common; not every kind's have a parent. */
type SelectingRequest = Message & {
  readonly parent?: string;
  readonly labelSelector: string;
  readonly filter: string;
};

/** What a list and a watch of the same resources share. */
export type Query = {
  readonly filter: RowFilter;
  readonly selection: Selection;
  /** The same text for the same selection, whoever asks; tokens are bound to it. */
  readonly fingerprint: string;
};

export function queryOf(kind: Kind, request: Message, call: Call): Query {
  const { parent = "", labelSelector, filter } = request as SelectingRequest;
  return {
    filter: { tenant: call.org, kind: kind.options.kind, ...(parent && { parent }) },
    selection: selectionOf(kind.index, { labelSelector, filter }),
    fingerprint: JSON.stringify([kind.options.kind, call.org, parent, labelSelector, filter]),
  };
}
