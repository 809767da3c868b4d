import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createRedactor, type RedactedStream } from "./redactor.ts";

const letters = fc.constantFrom("a", "b", "/", " ", '"', "é");
const value = fc.string({ unit: letters, minLength: 4, maxLength: 12 });
const text = fc.string({ unit: letters, maxLength: 60 });
const noise = fc.string({ maxLength: 20 });

function throughStream(stream: RedactedStream, whole: string, cuts: readonly number[]): string {
  const places = [...new Set(cuts.map((cut) => cut % (whole.length + 1)))].sort((one, other) => one - other);
  const pieces = [0, ...places].map((start, at) => whole.slice(start, places[at]));
  return pieces.map((piece) => stream.push(piece)).join("") + stream.end();
}

/** A secret between two texts, as programs put it into texts. */
const CLOTHES: Readonly<Record<string, (secret: string, before: string, after: string) => string>> = {
  raw: (secret, before, after) => before + secret + after,
  base64: (secret, before, after) => Buffer.from(before + secret + after).toString("base64"),
  base64url: (secret, before, after) => Buffer.from(before + secret + after).toString("base64url"),
  url: (secret, before, after) => encodeURIComponent(before + secret + after),
  form: (secret, before, after) => new URLSearchParams({ [before]: secret + after }).toString(),
  json: (secret, before, after) => JSON.stringify({ [before]: before + secret + after }),
  "json in json": (secret, before, after) => JSON.stringify({ text: JSON.stringify([before + secret + after]) }),
  hex: (secret, before, after) => Buffer.from(before + secret + after).toString("hex"),
};

describe("a redactor", () => {
  it("shows the same of a text whether it comes whole or cut anywhere", () => {
    fc.assert(
      fc.property(fc.array(value, { maxLength: 4 }), text, fc.array(fc.nat(200)), (values, whole, cuts) => {
        const redactor = createRedactor();
        redactor.add(values);

        expect(throughStream(redactor.stream(), whole, cuts)).toBe(redactor.text(whole));
      }),
      { numRuns: 5_000 },
    );
  });

  it("leaves no value in any text, however values overlap", () => {
    fc.assert(
      fc.property(fc.array(value, { minLength: 1, maxLength: 4 }), text, (values, whole) => {
        const redactor = createRedactor();
        redactor.add(values);

        const shown = redactor.text(whole);
        expect(values.filter((one) => shown.split("***").some((part) => part.includes(one)))).toEqual([]);
      }),
      { numRuns: 2_000 },
    );
  });

  it("changes nothing where there is no value", () => {
    fc.assert(
      fc.property(fc.string(), (whole) => {
        const redactor = createRedactor();
        redactor.add(["a value that no text has"]);

        expect(throughStream(redactor.stream(), whole, [1, 3, 9])).toBe(whole);
      }),
    );
  });

  it.each(Object.entries(CLOTHES))("masks a value of 8 bytes or more in any text, as %s", (_, dress) => {
    const secret = fc.string({ unit: "binary", minLength: 8, maxLength: 80 }).filter((one) => one.isWellFormed());
    fc.assert(
      fc.property(secret, noise, noise, (one, before, after) => {
        const redactor = createRedactor();
        redactor.add([one]);
        const dressed = dress(one, before, after);

        const shown = redactor.text(dressed);

        expect(shown).toContain("***");
        expect(shown.length).toBeLessThan(dressed.length);
      }),
      { numRuns: 300 },
    );
  });
});
