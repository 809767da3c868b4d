import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createRedactor, type RedactedStream } from "./redactor.ts";

const letters = fc.constantFrom("a", "b", "n", "r", "/", " ", "\n", "\r", "\\", '"', "é");
const value = fc.string({ unit: letters, minLength: 4, maxLength: 12 });
const text = fc.string({ unit: letters, maxLength: 60 });
const noise = fc.string({ maxLength: 20 });

/** A text in lines, as encoders write them. */
function inLines(text: string, { columns, end }: { readonly columns: number; readonly end: string }): string {
  return (text.match(new RegExp(`.{1,${columns}}`, "gs")) ?? []).join(end);
}

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
  "base64 of MIME": (secret, before, after) =>
    inLines(Buffer.from(before + secret + after).toString("base64"), { columns: 76, end: "\r\n" }),
  "base64 of PEM": (secret, before, after) =>
    inLines(Buffer.from(before + secret + after).toString("base64"), { columns: 64, end: "\n" }),
  "lines of base64 in YAML": (secret, before, after) =>
    inLines(Buffer.from(before + secret + after).toString("base64"), { columns: 20, end: "\n    " }),
  "lines of base64 in json in json": (secret, before, after) =>
    JSON.stringify(
      JSON.stringify(inLines(Buffer.from(before + secret + after).toString("base64"), { columns: 32, end: "\r\n" })),
    ),
  "lines of hex": (secret, before, after) =>
    inLines(Buffer.from(before + secret + after).toString("hex"), { columns: 60, end: "\n" }),
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

  it("shows the same of lines of base64 whether they come whole or cut anywhere, and nothing of the value", () => {
    const end = fc.constantFrom("\n", "\r\n", "\n  ", "\\n", "\\r\\n", "\\\\n");
    const lines = fc.record({ columns: fc.integer({ min: 16, max: 80 }), end });
    const secret = fc.string({ minLength: 8, maxLength: 80 });
    fc.assert(
      fc.property(secret, noise, noise, lines, fc.array(fc.nat(500)), (one, before, after, how, cuts) => {
        const redactor = createRedactor();
        redactor.add([one]);
        const whole = inLines(Buffer.from(before + one + after).toString("base64"), how);

        const shown = redactor.text(whole);

        expect(throughStream(redactor.stream(), whole, cuts)).toBe(shown);
        expect(Buffer.from(shown.replaceAll("\\r", "").replaceAll("\\n", ""), "base64").toString()).not.toContain(one);
        expect(shown).toContain("***");
      }),
      { numRuns: 2_000 },
    );
  });

  it("shows the same of letters and breaks in any order whether they come whole or cut anywhere", () => {
    const unit = fc.constantFrom("Y", "n", "r", "\n", "\r", "\\", " ", "\t", "=", "Y".repeat(15));
    const values = fc.array(fc.string({ unit: fc.constantFrom("Y", "n", "r"), minLength: 4, maxLength: 12 }), {
      maxLength: 3,
    });
    fc.assert(
      fc.property(values, fc.string({ unit, maxLength: 80 }), fc.array(fc.nat(200)), (some, whole, cuts) => {
        const redactor = createRedactor();
        redactor.add(some);

        expect(throughStream(redactor.stream(), whole, cuts)).toBe(redactor.text(whole));
      }),
      { numRuns: 5_000 },
    );
  });

  it("leaves words alone that stand at line breaks, and holds nothing back that no value begins with", () => {
    const redactor = createRedactor();
    redactor.add(["password-of-the-test"]);
    const text = "a password\n-of-the-test\r\n\tand\\n more of it p\n";

    expect(redactor.text(text)).toBe(text);
    const stream = redactor.stream();
    expect(stream.push(text)).toBe(text);
    expect(stream.isHolding()).toBe(false);
  });

  it("holds back no more than a value can be long, with its line breaks", () => {
    const redactor = createRedactor();
    redactor.add(["the-secret-of-the-test"]);
    const encoded = Buffer.from("the-secret-of-the-test").toString("base64");
    const stream = redactor.stream();

    const shown = stream.push(`${encoded.slice(0, -8)}${"\n".repeat(10_000)}${"\\".repeat(10_000)}`);

    expect(shown.length).toBeGreaterThan(20_000);
    expect(stream.isHolding()).toBe(true);
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
