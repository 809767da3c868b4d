import type { Field } from "./read-form.ts";

/** What a person filled in: a value, nothing, or why it can't be taken. */
export type Filled =
  | { readonly kind: "value"; readonly value: unknown }
  | { readonly kind: "nothing" }
  | { readonly kind: "wrong"; readonly problem: string };

/** Reads a line for a field. An empty one takes what is preset, or leaves the field out where it may be. */
export function readValue(field: Field, line: string): Filled {
  const text = field.type === "string" ? line : line.trim();
  if (text.trim() === "") return emptyOf(field);
  const { choices } = field;
  if (field.type === "list") return listOf(field, text);
  if (choices.length > 0) return chosen(field, text.trim());
  if (field.type === "boolean") return booleanOf(text);
  if (field.type === "number" || field.type === "integer") return numberOf(field, text);
  return field.type === "string" ? { kind: "value", value: text } : jsonOf(text);
}

function emptyOf({ preset, required }: Field): Filled {
  if (preset !== undefined) return { kind: "value", value: preset };
  return required ? { kind: "wrong", problem: "it has to be filled in" } : { kind: "nothing" };
}

/** A value itself, or the number that stands before it. */
function chosen({ choices }: Field, text: string): Filled {
  const choice = choices.find(({ value }) => value === text) ?? choices[Number(text) - 1];
  return choice ? { kind: "value", value: choice.value } : { kind: "wrong", problem: "it is none of the choices" };
}

function listOf(field: Field, text: string): Filled {
  const words = text.split(",").map((word) => word.trim());
  const values = words.filter(Boolean);
  if (field.choices.length === 0) return { kind: "value", value: values };
  const read = values.map((word) => chosen(field, word));
  const wrong = read.find(({ kind }) => kind === "wrong");
  return wrong ?? { kind: "value", value: read.map((one) => (one.kind === "value" ? one.value : "")) };
}

const BOOLEANS: Readonly<Record<string, boolean | undefined>> = Object.assign(Object.create(null), {
  ...{ y: true, yes: true, true: true, n: false, no: false, false: false },
});

function booleanOf(text: string): Filled {
  const value = BOOLEANS[text.toLowerCase()];
  return value === undefined ? { kind: "wrong", problem: "it is yes or no" } : { kind: "value", value };
}

function numberOf({ type }: Field, text: string): Filled {
  const value = Number(text);
  if (!Number.isFinite(value)) return { kind: "wrong", problem: "it is a number" };
  if (type === "integer" && !Number.isInteger(value)) return { kind: "wrong", problem: "it is a whole number" };
  return { kind: "value", value };
}

function jsonOf(text: string): Filled {
  try {
    return { kind: "value", value: JSON.parse(text) };
  } catch {
    return { kind: "wrong", problem: "it is JSON" };
  }
}
