import { IN_PLACE } from "./keywords.ts";

export type SchemaObject = Readonly<Record<string, unknown>>;

export function isObject(value: unknown): value is SchemaObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Schemas of a document and the references among them, as they are found while it is looked through. */
export type Found = {
  readonly schemas: Set<unknown>;
  readonly references: { readonly at: string; readonly reference: string }[];
};

/** What is wrong with the references of a document: one that names no schema of it, or a schema that leads back to itself. */
export function referenceProblem(root: SchemaObject, { schemas, references }: Found): string | undefined {
  for (const { at, reference } of references) {
    const target = targetOf(root, reference);
    if (!schemas.has(target) && typeof target !== "boolean")
      return `${at}: must name a schema of the same document, as #/$defs/name`;
  }
  const known = new Set<unknown>();
  for (const schema of schemas)
    if (leadsBack(root, schema, { known, above: new Set() }))
      return "#: a schema refers to itself for the same value, and checking would never end";
  return undefined;
}

/** What a reference within a document names; undefined where there is nothing, or it names another document. */
function targetOf(root: SchemaObject, reference: string): unknown {
  if (reference === "#") return root;
  if (!reference.startsWith("#/")) return undefined;
  let value: unknown = root;
  for (const step of reference.slice(2).split("/")) {
    const key = decoded(step).replaceAll("~1", "/").replaceAll("~0", "~");
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, key)) return undefined;
    value = (value as SchemaObject)[key];
  }
  return value;
}

function decoded(step: string): string {
  try {
    return decodeURIComponent(step);
  } catch {
    return step;
  }
}

type Way = { readonly known: Set<unknown>; readonly above: ReadonlySet<unknown> };

function leadsBack(root: SchemaObject, schema: unknown, { known, above }: Way): boolean {
  if (above.has(schema)) return true;
  if (!isObject(schema) || known.has(schema)) return false;
  const way = { known, above: new Set([...above, schema]) };
  const found = inPlace(root, schema).some((next) => leadsBack(root, next, way));
  known.add(schema);
  return found;
}

/** Schemas by which the same value is checked. */
function inPlace(root: SchemaObject, schema: SchemaObject): unknown[] {
  return Object.entries(schema).flatMap(([keyword, value]) => {
    if (!IN_PLACE.has(keyword)) return [];
    if (keyword === "$ref") return [targetOf(root, String(value))];
    return keyword === "dependentSchemas" && isObject(value) ? Object.values(value) : [value].flat();
  });
}
