import fc from "fast-check";

/** Words that mean something to the backend, by the name of the field that they are for. */
export type Words = Readonly<Record<string, readonly string[]>>;

const EDGES = [
  "",
  " ",
  "\u0000",
  "a\u0000b",
  "\u202Eevil",
  "аdmin",
  "Å",
  "__proto__",
  "constructor",
  "😀",
  "%s%n",
  "../..",
  "*",
];

/** A text for a field: usually one that means something there, else one on an edge, else any. */
export function textFor(field: string, words: Words): fc.Arbitrary<string> {
  const known = words[field] ?? words[field.replace(/^.*_/, "")] ?? ["a"];
  return fc.oneof(
    { weight: 8, arbitrary: fc.constantFrom(...known) },
    { weight: 1, arbitrary: fc.constantFrom(...EDGES) },
    { weight: 1, arbitrary: fc.string({ unit: "binary", maxLength: 80 }) },
    { weight: 1, arbitrary: fc.integer({ min: 60, max: 20_000 }).map((length) => "x".repeat(length)) },
  );
}
