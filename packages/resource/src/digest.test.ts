import { describe, expect, it } from "vitest";
import { canonicalJson, textDigest } from "./digest.ts";

/** `printf '€' | sha256sum` */
const EURO = "c4cc90ed3d26f12d4b08a75140970a7904035c31cbb4515a83f19b9003c00d1d";

describe("canonical JSON", () => {
  it("is that of RFC 8785, section 3.2.2", () => {
    const value = JSON.parse(String.raw`{
      "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001, -0],
      "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
      "literals": [null, true, false]
    }`);

    expect(canonicalJson(value)).toBe(
      String.raw`{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27,0],"string":"€$\u000f\nA'B\"\\\\\"/"}`,
    );
  });

  it("sorts members by UTF-16 code units, as section 3.2.3 shows", () => {
    const value = { "\u20ac": 1, "\r": 2, "\ufb33": 3, "1": 4, "\u{1f600}": 5, "\u0080": 6, "\u00f6": 7 };

    const text = canonicalJson(value);

    expect(Object.values(JSON.parse(`[${text.match(/:\d/g)?.map((found) => found.slice(1))}]`))).toEqual([
      2, 4, 6, 7, 1, 5, 3,
    ]);
  });

  it("sorts at every depth, and keeps the order of lists", () => {
    expect(canonicalJson({ b: [{ z: 1, a: 2 }, 1], a: {} })).toBe('{"a":{},"b":[{"a":2,"z":1},1]}');
  });

  it("takes a member that is called like something of every object as any other", () => {
    const value = JSON.parse('{"toString":1,"__proto__":2}');

    expect(canonicalJson(value)).toBe('{"__proto__":2,"toString":1}');
  });
});

describe("a digest", () => {
  it("is SHA-256 over UTF-8", () => {
    expect(textDigest("€")).toBe(`sha256:${EURO}`);
  });
});
