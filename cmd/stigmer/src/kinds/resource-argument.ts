import { misused } from "../failure.ts";
import { allKinds, findKind, type Kind, wordOf } from "./kinds.ts";
import { parseReference, type Reference } from "./reference.ts";

/** A resource as the command line names it. */
export type ResourceArgument = { readonly kind: Kind; readonly reference: Reference };

/** Reads a name or an id of a kind that the command knows: `note-taker-q2kyu`, or `execution/note-taker-q2kyu`. */
export function nameOfKind(kind: Kind, word: string): string {
  const slash = word.indexOf("/");
  if (slash < 0) return word;
  const { kind: given, name } = split(word, undefined);
  if (given.typeName === kind.typeName && name) return name;
  throw misused(`${wordOf(given)} "${name}" is no ${wordOf(kind)}`, `name one: stigmer list ${kind.plural}`);
}

/** Reads `agent my-agent` or `agent/my-agent`, with a revision after `@`. */
export function resourceArgument(kindWord: string, nameWord: string | undefined): ResourceArgument {
  const { kind, name } = split(kindWord, nameWord);
  if (name) return { kind, reference: parseReference(name) };
  throw misused(`which ${wordOf(kind)}? a name or an id is missing`, `see what is there: stigmer list ${kind.plural}`);
}

/** The same where no revision can be meant. */
export function currentArgument(kindWord: string, nameWord: string | undefined): ResourceArgument {
  const argument = resourceArgument(kindWord, nameWord);
  const { name, revision } = argument.reference;
  if (!revision) return argument;
  throw misused(`a revision can't be meant here: "${name}@${revision}"`, `leave out @${revision}`);
}

function split(
  kindWord: string,
  nameWord: string | undefined,
): { readonly kind: Kind; readonly name: string | undefined } {
  const slash = kindWord.indexOf("/");
  const kind = findKind(allKinds(), slash < 0 ? kindWord : kindWord.slice(0, slash));
  const name = slash < 0 ? nameWord : kindWord.slice(slash + 1);
  if (slash >= 0 && nameWord !== undefined)
    throw misused(`a name is given twice: "${kindWord}" and "${nameWord}"`, "leave one out");
  return { kind, name };
}
