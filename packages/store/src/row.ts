import type { IndexEntry, Indexed, Where } from "./where.ts";

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
  /** What else the row is found by, beside its labels; absent where there is nothing. A set: no order, no repetition. */
  readonly indexed?: readonly IndexEntry[];
  readonly bytes: Uint8Array;
};

/** A stored row. `version` is the revision of the commit that wrote it. */
export type Row = RowContent & { readonly version: number };

export type ChangeType = "put" | "delete";

/**
 * One row's change in one commit. For a delete, `row` is the last state, with its last version. `before` says what the
 * row was found by until then; absent where that has not changed, and where the row was created or deleted.
 */
export type Change = {
  readonly revision: number;
  readonly type: ChangeType;
  readonly created: boolean;
  readonly row: Row;
  readonly before?: Indexed;
};

/** Which rows a page or a watch is about: all of a kind, or with `parent` those that belong to one row. */
export type RowFilter = { readonly tenant: string; readonly kind: string; readonly parent?: string };

/** Which rows a page is about: those of the filter, and with `where` those of them that match it. */
export type PageFilter = RowFilter & { readonly where?: Where };

/**
 * A page in id order, bytewise. `next` is the `after` of the page that follows; undefined on the last one. Where the page
 * was asked for with `where`, it may have fewer rows than its limit, even none, and yet a `next`: a driver looks at a
 * bounded number of rows.
 */
export type Page = { readonly rows: readonly Row[]; readonly next: string | undefined; readonly revision: number };
