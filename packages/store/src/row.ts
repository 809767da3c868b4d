/**
 * Names one row. Tenant, kind and id compare byte for byte; none may be empty, hold NUL, hold a lone surrogate, or be
 * longer than `MAX_IDENTIFIER_BYTES`. The same goes for every other text that a store is given, except that names,
 * parents and holders may be empty, and labels empty or of any length.
 */
export type RowKey = { readonly tenant: string; readonly kind: string; readonly id: string };

/** What a commit stores under a key. */
export type RowContent = RowKey & {
  /** Unique within tenant and kind; empty for rows that are only found by id. */
  readonly name: string;
  /** Id of the row that this one belongs to, or empty; `page` can be narrowed to it. */
  readonly parent: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly bytes: Uint8Array;
};

/** A stored row. `version` is the revision of the commit that wrote it. */
export type Row = RowContent & { readonly version: number };

export type ChangeType = "put" | "delete";

/** One row's change in one commit. For a delete, `row` is the last state, with its last version. */
export type Change = {
  readonly revision: number;
  readonly type: ChangeType;
  readonly created: boolean;
  readonly row: Row;
};

/** Which rows a page or a watch is about: all of a kind, or with `parent` those that belong to one row. */
export type RowFilter = { readonly tenant: string; readonly kind: string; readonly parent?: string };

/** A page in id order, bytewise. `next` is the `after` of the page that follows; undefined on the last one. */
export type Page = { readonly rows: readonly Row[]; readonly next: string | undefined; readonly revision: number };
