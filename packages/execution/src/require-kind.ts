import type { Kind, Kinds } from "@stigmer/resource";

/** A kind that this backend cannot do without. */
export function requireKind(kinds: Kinds, name: string): Kind {
  const kind = kinds.named(name);
  if (!kind) throw new Error(`the kind ${name} is not registered`);
  return kind;
}
