import type { IndexEntry, Indexed } from "@stigmer/store";

/** What a row was found by and no longer is, and the other way round. A label with another value is in both. */
export type Difference = { readonly gone: Indexed; readonly came: Indexed };

/** How two states of a row differ in what they are found by; undefined where they do not. */
export function difference(before: Indexed, after: Indexed): Difference | undefined {
  const gone = without(before, after);
  const came = without(after, before);
  return isEmpty(gone) && isEmpty(came) ? undefined : { gone, came };
}

/** What the row was found by before the difference. */
export function undo(after: Indexed, { gone, came }: Difference): Indexed {
  const kept = without(after, came);
  const indexed = [...(kept.indexed ?? []), ...(gone.indexed ?? [])];
  const labels = { ...kept.labels, ...gone.labels };
  return indexed.length === 0 ? { labels } : { labels, indexed };
}

function without(one: Indexed, other: Indexed): Indexed {
  const keys = Object.keys(one.labels).filter(
    (key) => one.labels[key] !== other.labels[key] || !Object.hasOwn(other.labels, key),
  );
  const labels = keys.length === 0 ? {} : Object.fromEntries(keys.map((key) => [key, one.labels[key] ?? ""]));
  const entries = other.indexed ?? [];
  const indexed = (one.indexed ?? []).filter((entry) => !entries.some((known) => isSame(known, entry)));
  return { labels, indexed };
}

function isEmpty({ labels, indexed = [] }: Indexed): boolean {
  return indexed.length === 0 && Object.keys(labels).length === 0;
}

function isSame([field, value]: IndexEntry, [otherField, otherValue]: IndexEntry): boolean {
  return field === otherField && value === otherValue;
}
