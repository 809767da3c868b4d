import { type Holds, KEYWORDS, TYPES, VERSION } from "./keywords.ts";
import { type Found, isObject, referenceProblem } from "./references.ts";

/** More than anybody means; what walks a schema calls itself once for each level. */
const MAX_DEPTH = 64;

/**
 * What is wrong with a JSON schema (2020-12) that answers are to be held to, with the place as a JSON pointer; undefined
 * where it can be used. A keyword that would not be held to is refused, and so is a reference to another document.
 */
export function schemaProblem(text: string): string | undefined {
  const root = parsed(text);
  if (!isObject(root)) return "must be a JSON schema: the JSON of an object";
  const found: Found = { schemas: new Set(), references: [] };
  return problemIn(root, { found, at: "#", depth: 0 }) ?? referenceProblem(root, found);
}

type Place = { readonly found: Found; readonly at: string; readonly depth: number };

function problemIn(schema: unknown, place: Place): string | undefined {
  const { at, depth } = place;
  if (typeof schema === "boolean") return undefined;
  if (!isObject(schema)) return `${at}: must be a schema, an object or a boolean`;
  if (depth > MAX_DEPTH) return `${at}: is nested deeper than ${MAX_DEPTH} levels`;
  place.found.schemas.add(schema);
  return firstOf(Object.entries(schema), ([keyword, value]) => {
    const holds = Object.hasOwn(KEYWORDS, keyword) ? KEYWORDS[keyword] : undefined;
    if (!holds) return `${at}: "${keyword}" is not a keyword that answers are held to`;
    return problemWith(holds, value, { ...place, at: `${at}/${escaped(keyword)}`, depth: depth + 1 });
  });
}

function problemWith(holds: Holds, value: unknown, place: Place): string | undefined {
  const { at } = place;
  switch (holds) {
    case "schema":
      return problemIn(value, place);
    case "schemas":
      if (!Array.isArray(value) || value.length === 0) return `${at}: must be a list of schemas`;
      return firstOf([...value.entries()], ([key, one]) => problemIn(one, { ...place, at: `${at}/${key}` }));
    case "schemasByName":
      return problemInMap(value, place);
    case "reference":
      place.found.references.push({ at, reference: String(value) });
      return undefined;
    case "expression":
      return isExpression(value) ? undefined : `${at}: must be a regular expression`;
    default:
      return FORMS[holds].fits(value) ? undefined : `${at}: must be ${FORMS[holds].words}`;
  }
}

function problemInMap(value: unknown, place: Place): string | undefined {
  const { at } = place;
  if (!isObject(value)) return `${at}: must be an object of schemas`;
  const isByExpression = at.endsWith("/patternProperties");
  return firstOf(Object.entries(value), ([name, one]) => {
    if (isByExpression && !isExpression(name)) return `${at}: ${JSON.stringify(name)} must be a regular expression`;
    return problemIn(one, { ...place, at: `${at}/${escaped(name)}` });
  });
}

type Form = { readonly fits: (value: unknown) => boolean; readonly words: string };
type Simple = Exclude<Holds, "schema" | "schemas" | "schemasByName" | "reference" | "expression">;

const FORMS: Readonly<Record<Simple, Form>> = {
  version: { fits: (value) => value === VERSION || value === `${VERSION}#`, words: VERSION },
  types: { fits: isTypes, words: "a type, or a list of types" },
  texts: { fits: isTexts, words: "a list of texts" },
  textsByName: { fits: (value) => isObject(value) && Object.values(value).every(isTexts), words: "lists of texts" },
  text: { fits: (value) => typeof value === "string", words: "a text" },
  number: { fits: (value) => typeof value === "number", words: "a number" },
  count: { fits: (value) => Number.isSafeInteger(value) && Number(value) >= 0, words: "a whole number from 0" },
  boolean: { fits: (value) => typeof value === "boolean", words: "true or false" },
  list: { fits: (value) => Array.isArray(value) && value.length > 0, words: "a list with something in it" },
  anything: { fits: () => true, words: "anything" },
};

function isTypes(value: unknown): boolean {
  const types = [value].flat();
  return types.length > 0 && types.every((one) => TYPES.has(one));
}

function isTexts(value: unknown): boolean {
  return Array.isArray(value) && value.every((one) => typeof one === "string");
}

function isExpression(value: unknown): boolean {
  if (typeof value !== "string") return false;
  try {
    new RegExp(value, "u");
    return true;
  } catch {
    return false;
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function escaped(key: string): string {
  return key.replaceAll("~", "~0").replaceAll("/", "~1");
}

function firstOf<T>(items: readonly T[], problem: (item: T) => string | undefined): string | undefined {
  for (const item of items) {
    const found = problem(item);
    if (found) return found;
  }
  return undefined;
}
