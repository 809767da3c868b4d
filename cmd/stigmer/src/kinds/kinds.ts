import { misused } from "../failure.ts";
import { nearest } from "../output/nearest.ts";
import type { Kind, Managed, Method, Verb } from "./kind.ts";
import { KINDS } from "./kind-table.build.ts";

export type { Kind, Method } from "./kind.ts";

/** Every kind of the contract, in order of name. */
export function allKinds(): readonly Kind[] {
  return KINDS;
}

/** The kind that a word of the command line means: its name, plural or a short name, in any case. */
export function findKind(kinds: readonly Kind[], word: string): Kind {
  const wanted = word.toLowerCase();
  const found = kinds.find((kind) => namesOf(kind).includes(wanted));
  if (found) return found;
  const near = nearest(wanted, kinds.flatMap(namesOf));
  const known = kinds.map(({ plural }) => plural).join(", ");
  throw misused(`unknown kind "${word}"`, near ? `did you mean ${near}?` : `known kinds: ${known}`);
}

/** The kind whose resources are messages of a type that this program knows by name. */
export function kindOfMessage({ typeName }: { readonly typeName: string }): Kind {
  const kind = KINDS.find((known) => known.typeName === typeName);
  if (kind) return kind;
  throw new Error(`the contract has no kind ${typeName}`);
}

/** The word by which the command line calls a kind: `agent`. */
export function wordOf(kind: Pick<Kind, "kind">): string {
  return kind.kind.toLowerCase();
}

/** The method that serves a verb of a kind; refuses where the kind has none, saying who makes it. */
export function requireVerb(kind: Kind, verb: Verb, action: string): Method {
  const method = kind.verbs[verb];
  if (method) return method;
  const next = kind.managed === "USER" ? `see what it is: stigmer explain ${wordOf(kind)}` : MAKERS[kind.managed];
  throw misused(`no ${wordOf(kind)} can be ${action}`, next);
}

const MAKERS: Readonly<Record<Exclude<Managed, "USER">, string>> = {
  START_ONLY: "a user starts it; from then on only the system changes it",
  SYSTEM: "the system makes and changes it",
};

function namesOf({ kind, plural, shortNames }: Kind): string[] {
  return [kind.toLowerCase(), plural, ...shortNames];
}
