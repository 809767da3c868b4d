import fc from "fast-check";

const key = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom("team", "app.kubernetes.io/name", "a", "A_b-c.d") },
  { weight: 1, arbitrary: fc.string({ unit: "grapheme", maxLength: 12 }) },
);
const value = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom("platform", "", "a-b", "1") },
  { weight: 1, arbitrary: fc.string({ unit: "grapheme", maxLength: 12 }) },
);
const listOfValues = fc.array(value, { maxLength: 4 }).map((values) => `(${values.join(",")})`);
const term = fc.oneof(
  fc.tuple(key, fc.constantFrom("=", "==", "!=", ">", "<"), value).map((parts) => parts.join("")),
  fc.tuple(key, fc.constantFrom(" in ", " notin "), listOfValues).map((parts) => parts.join("")),
  key,
  key.map((name) => `!${name}`),
);

/** Label selectors: as Kubernetes writes them, nearly so, and far too long. */
export const labelSelector: fc.Arbitrary<string> = fc.oneof(
  { weight: 8, arbitrary: fc.array(term, { maxLength: 5 }).map((terms) => terms.join(",")) },
  { weight: 1, arbitrary: fc.integer({ min: 100, max: 12_000 }).map((count) => Array(count).fill("a").join(",")) },
  { weight: 1, arbitrary: fc.string({ unit: "binary", maxLength: 60 }) },
);

const FIELDS = ["spec.model", "metadata.name", "metadata.labels.team", "status.phase", "spec", "nope", "a.b.c"];
const VALUES = [
  '"ollama/qwen3"',
  '"*"',
  '"a\\"b"',
  "SUCCEEDED",
  "1",
  "1.5e300",
  "-1",
  "true",
  "null",
  "2026-01-01T00:00:00Z",
];
const comparison = fc
  .tuple(fc.constantFrom(...FIELDS), fc.constantFrom("=", "!=", "<", ">=", ":"), fc.constantFrom(...VALUES))
  .map((parts) => parts.join(" "));
const { expression } = fc.letrec<{ expression: string }>((tie) => ({
  expression: fc.oneof(
    { maxDepth: 6, withCrossShrink: true },
    comparison,
    fc
      .tuple(tie("expression"), fc.constantFrom(" AND ", " OR ", " "), tie("expression"))
      .map((parts) => parts.join("")),
    tie("expression").map((inner) => `(${inner})`),
    tie("expression").map((inner) => `NOT ${inner}`),
    tie("expression").map((inner) => `-${inner}`),
  ),
}));
const nested = fc
  .tuple(fc.integer({ min: 10, max: 4_000 }), fc.constantFrom("(", "NOT ", "-", "NOT ("), fc.boolean())
  .map(([depth, open, closed]) => {
    const close = closed && open.endsWith("(") ? ")".repeat(depth) : "";
    return `${open.repeat(depth)}spec.model = "a"${close}`;
  });

/** Filters: as AIP-160 writes them, nearly so, and nested far too deep. */
export const filter: fc.Arbitrary<string> = fc.oneof(
  { weight: 8, arbitrary: expression },
  { weight: 1, arbitrary: nested },
  { weight: 1, arbitrary: fc.string({ unit: "binary", maxLength: 60 }) },
);
