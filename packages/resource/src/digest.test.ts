import { expect, it } from "vitest";
import { canonicalJson, textDigest } from "./digest.ts";

it("sorts members by UTF-16 code units, as RFC 8785 section 3.2.3 shows", () => {
  const members = { "\u20ac": 1, "\r": 2, "\ufb33": 3, "1": 4, "\u{1F600}": 5, "\u0080": 6, "\u00f6": 7 };

  expect(canonicalJson(members)).toBe('{"\\r":2,"1":4,"\u0080":6,"\u00f6":7,"\u20ac":1,"\u{1F600}":5,"\ufb33":3}');
});

it("writes numbers as ECMAScript does, as RFC 8785 appendix B lists", () => {
  const numbers = [JSON.parse("333333333.33333329"), 1e30, 4.5, 2e-3, 0.000000000000000000000000001, -0];

  expect(canonicalJson(numbers)).toBe("[333333333.3333333,1e+30,4.5,0.002,1e-27,0]");
});

it("gives one digest for the same object in any order, nested too", () => {
  const [one, other] = [
    canonicalJson({ a: { b: 1, c: [true, null] }, d: "x" }),
    canonicalJson({ d: "x", a: { c: [true, null], b: 1 } }),
  ];

  expect(textDigest(one)).toBe(textDigest(other));
  expect(textDigest("")).toBe("sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
});
