/** One thing that a tool server's form asks for. */
export type Field = {
  readonly name: string;
  readonly type: "string" | "number" | "integer" | "boolean" | "list" | "json";
  readonly required: boolean;
  /** What the server says of it. */
  readonly about: string;
  /** Values to choose from; empty where any will do. */
  readonly choices: readonly Choice[];
  /** What stands where nothing is filled in; undefined where there is none. */
  readonly preset: unknown;
};

export type Choice = { readonly value: string; readonly label: string };

const MOST_FIELDS = 64;
const MOST_CHOICES = 100;

/** What a form asks for, in the order of its schema; nothing where the schema can't be read. */
export function readForm(schema: string): readonly Field[] {
  const form = parsed(schema);
  const { properties, required } = form;
  const wanted = Array.isArray(required) ? required : [];
  const entries = isRecord(properties) ? Object.entries(properties).slice(0, MOST_FIELDS) : [];
  return entries.map(([name, property]) => fieldOf(name, isRecord(property) ? property : {}, wanted.includes(name)));
}

function fieldOf(name: string, property: Record_, required: boolean): Field {
  const about = [property.title, property.description].filter((text) => typeof text === "string" && text !== "");
  const items = isRecord(property.items) ? property.items : {};
  const type = typeOf(property.type);
  const choices = type === "list" ? choicesOf(items) : choicesOf(property);
  return { name, type, required, about: about.join(": "), choices, preset: property.default };
}

function typeOf(type: unknown): Field["type"] {
  if (type === "string" || type === "number" || type === "integer" || type === "boolean") return type;
  return type === "array" ? "list" : "json";
}

/** Values as the specification's forms name them: `enum` with or without `enumNames`, or constants with titles. */
function choicesOf({ enum: values, enumNames: names, oneOf, anyOf }: Record_): readonly Choice[] {
  const titled = Array.isArray(oneOf) ? oneOf : anyOf;
  if (Array.isArray(titled)) {
    const constants = titled.filter(isRecord).filter((one) => typeof one.const === "string");
    return constants.slice(0, MOST_CHOICES).map((one) => ({ value: String(one.const), label: textOf(one.title) }));
  }
  const listed = Array.isArray(values) ? values.filter((value) => typeof value === "string") : [];
  const labels = Array.isArray(names) ? names : [];
  return listed.slice(0, MOST_CHOICES).map((value, at) => ({ value, label: textOf(labels[at]) }));
}

type Record_ = Readonly<Record<string, unknown>>;

function parsed(text: string): Record_ {
  try {
    const value: unknown = JSON.parse(text);
    return isRecord(value) ? value : {};
  } catch {
    return {};
  }
}

function isRecord(value: unknown): value is Record_ {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}
