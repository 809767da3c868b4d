import { misused } from "../failure.ts";
import { allKinds, findKind, type Kind, wordOf } from "./kinds.ts";

/** A resource as the command line names it. */
export type ResourceArgument = { readonly kind: Kind; readonly name: string };

/** Reads a name or an id of a kind that the command knows: `note-taker-q2kyu`, or `execution/note-taker-q2kyu`. */
export function nameOfKind(kind: Kind, word: string): string {
  const slash = word.indexOf("/");
  if (slash < 0) return word;
  const { kind: given, name } = resourceArgument(word, undefined);
  if (given.schema.typeName === kind.schema.typeName) return name;
  throw misused(`${wordOf(given)} "${name}" is no ${wordOf(kind)}`);
}

/** Reads `agent my-agent` or `agent/my-agent`. */
export function resourceArgument(kindWord: string, nameWord: string | undefined): ResourceArgument {
  const slash = kindWord.indexOf("/");
  const kind = findKind(allKinds(), slash < 0 ? kindWord : kindWord.slice(0, slash));
  const name = slash < 0 ? nameWord : kindWord.slice(slash + 1);
  if (slash >= 0 && nameWord !== undefined) throw misused(`a name is given twice: "${kindWord}" and "${nameWord}"`);
  if (name) return { kind, name };
  throw misused(
    `which ${wordOf(kind)}? a name or an id is missing`,
    `see what is there: stigmer list ${kind.options.plural}`,
  );
}
