export type Json = { readonly [key: string]: unknown };

export function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function objects(value: unknown): readonly Json[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}

/** The first key of `value` that is not known. */
export function strangeKey(value: Json, known: readonly string[]): string | undefined {
  return Object.keys(value).find((key) => !known.includes(key));
}

export function words(text: unknown): number {
  return typeof text === "string" ? (text.match(/\S+/g)?.length ?? 0) : 0;
}

/** Text as a model streams it, about. */
export function pieces(text = ""): string[] {
  return text.match(/\s*\S+|\s+/g) ?? [];
}

// As long as the tokens of a real model are, about.
const ARGUMENT_PIECE = 6;

export function argumentPieces(text: string): string[] {
  return text.match(new RegExp(`.{1,${ARGUMENT_PIECE}}`, "gsu")) ?? [];
}
