import fc from "fast-check";
import { expect, it } from "vitest";
import { createMasker } from "./masker.ts";

const SECRET = "s3cr3t/with+some=signs & more";
const secret = fc.oneof(
  fc.string({ minLength: 8, maxLength: 60 }),
  fc.string({ minLength: 8, maxLength: 60, unit: "binary" }),
  fc.base64String({ minLength: 8, maxLength: 60 }),
);
const around = fc.string({ maxLength: 40 });

it.each<[string, (text: string) => string]>([
  ["as it is", (text) => text],
  ["in JSON", (text) => JSON.stringify(text)],
  ["in a URL", encodeURIComponent],
  ["in a URL's form", (text) => new URLSearchParams({ q: text }).toString()],
  ["in base64", (text) => Buffer.from(text).toString("base64")],
  [
    "in lines of base64",
    (text) =>
      Buffer.from(`${"a".repeat(48)}${text}`)
        .toString("base64")
        .replace(/.{76}/g, "$&\r\n"),
  ],
  ["in base64 for URLs", (text) => Buffer.from(text).toString("base64url")],
  ["in base64, one byte late", (text) => Buffer.from(`a${text}b`).toString("base64")],
  ["in base64, two bytes late", (text) => Buffer.from(`ab${text}c`).toString("base64")],
])("finds a secret %s", (_, write) => {
  const masked = createMasker([SECRET]).mask(`before ${write(SECRET)} after`);

  expect(masked).toMatch(/^before (YWFh)*.{0,4}\*\*\*.{0,4} after$/);
});

it("leaves no secret in any text", () => {
  fc.assert(
    fc.property(fc.array(secret, { minLength: 1, maxLength: 4 }), fc.array(around), (secrets, texts) => {
      const text = texts.map((between, index) => between + (secrets[index % secrets.length] ?? "")).join("");
      const masked = createMasker(secrets).mask(text);
      for (const one of secrets) if (!"***".includes(one)) expect(masked).not.toContain(one);
    }),
  );
});

it("shows no beginning of a secret at the end of a piece", () => {
  fc.assert(
    fc.property(around, fc.integer({ min: 1, max: SECRET.length - 1 }), (before, length) => {
      const masked = createMasker([SECRET])
        .stream()
        .push(`${before}${SECRET.slice(0, length)}`);
      expect(masked.endsWith(SECRET.slice(0, length))).toBe(false);
    }),
  );
});

it("finds each line of a secret of several", () => {
  const key = "-----BEGIN KEY-----\nMIIEvQIBADANBg\nkqhkiG9w0BAQEF\n-----END KEY-----";

  const masked = createMasker([key]).mask("kqhkiG9w0BAQEF");

  expect(masked).toBe("***");
});

it("leaves a text alone where there is nothing to hide, or nothing long enough to be found by", () => {
  expect(createMasker([]).mask("as it was")).toBe("as it was");
  expect(createMasker(["on", "yes", ""]).mask("yes, and on")).toBe("yes, and on");
});

it("masks a file that is text, leaves out one that is none and holds a secret, and leaves others as they are", () => {
  const masker = createMasker(["gehéim-gehéim"]);
  const binary = (text: string): Buffer => Buffer.concat([Buffer.of(0x89, 0xff, 0), Buffer.from(text)]);

  expect(new TextDecoder().decode(masker.maskContent(Buffer.from("KEY=gehéim-gehéim\n")))).toBe("KEY=***\n");
  expect(masker.maskContent(binary("gehéim-gehéim"))).toBeUndefined();
  expect(masker.maskContent(binary(encodeURIComponent("gehéim-gehéim")))).toBeUndefined();
  expect(masker.maskContent(binary("nothing"))).toEqual(binary("nothing"));
});
