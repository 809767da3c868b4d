import { camel, kebab } from "../contract.ts";
import { kindProtos } from "./kind-files.ts";
import type { KindShape } from "./kind-shape.ts";

/** What exists already, and must not be there twice. */
export type Taken = {
  /** Groups that have a place in the generated code. */
  readonly groups: readonly string[];
  /** What commands call the kinds that there are: name, plural, short names; in lower case. */
  readonly words: ReadonlySet<string>;
  readonly idPrefixes: ReadonlySet<string>;
  /** Names of messages, enums and services of each group. */
  readonly names: ReadonlyMap<string, ReadonlySet<string>>;
};

export type NewKind = { readonly name: string; readonly group: string; readonly idPrefix?: string };

const MAX_LENGTH = 32;
const FORM = /^[a-z][a-z0-9]*(?:-[a-z][a-z0-9]*)*$/;

/** Prefixes that the contract's design keeps for kinds to come. */
const PLANNED = new Map([
  ["skill", "skl"],
  ["environment", "env"],
  ["workflow", "wfl"],
  ["schedule", "sch"],
  ["workflow-execution", "wex"],
  ["organization", "org"],
  ["identity-account", "ida"],
  ["api-key", "key"],
  ["role", "rol"],
  ["iam-policy", "iamp"],
]);

/** Words of TypeScript, of the contract's envelope and of the command line, which a kind's name would make ambiguous. */
const RESERVED = new Set(
  `abstract any arguments as async await boolean break case catch class const constructor continue debugger declare default delete do
  else enum eval export extends false finally for from function get if implements import in instanceof interface let module
  namespace new never null number object of package private protected public return set static string super switch symbol
  this throw true try type typeof undefined unknown var void while with yield
  all annotation api event field id item kind label local message metadata name reference resource revision
  service spec status
  apply completion config context create describe diff explain init list patch purge schema search tag undelete update
  validate version watch`.split(/\s+/),
);

/** The shape of a kind that there is not yet. Refuses a name that is malformed, reserved or taken, saying which. */
export function shapeOf({ name, group, idPrefix }: NewKind, taken: Taken): KindShape {
  refuseName(name);
  if (!taken.groups.includes(group))
    throw new Error(`the group "${group}" has no kinds; those that have: ${taken.groups.join(", ")}`);
  const shape = namesOf(name, group);
  const word = [shape.folder, shape.plural].find((own) => taken.words.has(own));
  if (word !== undefined) throw new Error(`"${word}" is taken by a kind that there is`);
  const prefix = choosePrefix(name, idPrefix, taken);
  const whole = { ...shape, idPrefix: prefix, shortNames: [prefix] };
  const clash = declaredBy(whole).find((own) => taken.names.get(group)?.has(own));
  if (clash !== undefined) throw new Error(`the group ${group} has another ${clash} already; choose another name`);
  return whole;
}

function refuseName(name: string): void {
  if (!FORM.test(name) || kebab(pascal(name)) !== name)
    throw new Error(
      `"${name}" is no name for a kind: lower-case letters and digits, words of two and more joined by hyphens, such as tool-box`,
    );
  if (name.length > MAX_LENGTH) throw new Error(`"${name}" is longer than ${MAX_LENGTH} characters`);
  if (RESERVED.has(name)) throw new Error(`"${name}" is a reserved word; choose another name`);
}

function namesOf(name: string, group: string): KindShape {
  const noun = name.replaceAll("-", " ");
  const nouns = pluralOf(noun);
  const aNoun = `${/^(?:[aeio]|u(?!ni|se|sa))/.test(noun) ? "an" : "a"} ${noun}`;
  return {
    ...{ group, name, noun, nouns, aNoun },
    kind: pascal(name),
    kinds: pascal(nouns.replaceAll(" ", "-")),
    folder: noun.replaceAll(" ", ""),
    plural: nouns.replaceAll(" ", ""),
    shortNames: [],
    idPrefix: "",
    comment: `${aNoun.charAt(0).toUpperCase()}${aNoun.slice(1)}.`,
    columns: [{ name: "description", path: "spec.description" }],
    filterFields: [],
    revisions: true,
  };
}

function pascal(name: string): string {
  return camel(`-${name}`);
}

function pluralOf(noun: string): string {
  if (/(?:s|x|z|ch|sh)$/.test(noun)) return `${noun}es`;
  return /[^aeiou]y$/.test(noun) ? `${noun.slice(0, -1)}ies` : `${noun}s`;
}

function choosePrefix(name: string, wished: string | undefined, taken: Taken): string {
  const kept = new Set([...PLANNED].filter(([kind]) => kind !== name).map(([, prefix]) => prefix));
  const isFree = (prefix: string): boolean =>
    !taken.idPrefixes.has(prefix) && !taken.words.has(prefix) && !kept.has(prefix);
  if (wished !== undefined) {
    if (!/^[a-z]{3,4}$/.test(wished)) throw new Error(`"${wished}" is no id prefix: three or four lower-case letters`);
    if (!isFree(wished)) throw new Error(`the id prefix "${wished}" is taken`);
    return wished;
  }
  const found = [PLANNED.get(name) ?? "", ...threeLettersOf(name)].find((prefix) => prefix !== "" && isFree(prefix));
  if (found === undefined) throw new Error(`every id prefix in "${name}" is taken; say one with ID_PREFIX=`);
  return found;
}

/** The first letter with two later ones, in the order in which a reader would try them. */
function threeLettersOf(name: string): readonly string[] {
  const [first = "", ...rest] = name.replaceAll(/[^a-z]/g, "");
  return rest.flatMap((second, at) => rest.slice(at + 1).map((third) => `${first}${second}${third}`));
}

function declaredBy(shape: KindShape): readonly string[] {
  const protos = [...kindProtos(shape).values()].join("");
  return Array.from(protos.matchAll(/^(?:message|enum|service) (\w+)/gm), ([, name = ""]) => name);
}
