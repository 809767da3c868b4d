import { describe, expect, it } from "vitest";
import { createRedactor } from "./redactor.ts";

const token = (at: number): string => `token-number-${at}-of-the-test`;
const tokens = (count: number): string[] => Array.from({ length: count }, (_, at) => token(at));

describe("a redactor that forgets", () => {
  it("masks nothing any more of values whose time is over, and all others as before", () => {
    const redactor = createRedactor();
    redactor.add(["value-for-good"]);
    redactor.add(tokens(100), 1_000);
    redactor.add(["token-that-lasts"], 2_000);

    redactor.forget(1_000);

    expect(redactor.text(token(7))).toBe(token(7));
    expect(redactor.text(Buffer.from(token(7)).toString("hex"))).not.toContain("***");
    expect(redactor.text(`value-for-good ${btoa("token-that-lasts")}`)).toMatch(/^\*\*\* \*\*\*/);
  });

  it("forgets nothing before its time", () => {
    const redactor = createRedactor();
    redactor.add(tokens(100), 1_000);

    redactor.forget(999);

    expect(tokens(100).map(redactor.text)).toEqual(Array(100).fill("***"));
  });

  it("keeps what was added again for longer, and what was added for good, in whatever order", () => {
    const redactor = createRedactor();
    redactor.add(tokens(100), 1_000);
    redactor.add([token(1)], 2_000);
    redactor.add([token(2)]);
    redactor.add([token(2)], 500);

    redactor.forget(1_500);

    expect([0, 1, 2].map((at) => redactor.text(token(at)))).toEqual([token(0), "***", "***"]);
  });

  it("keeps no more than a few that are over, however many come", () => {
    const redactor = createRedactor();

    for (let at = 0; at < 2_040; at++) {
      redactor.forget(at);
      redactor.add([token(at)], at + 1);
    }

    const masked = tokens(2_040).filter((one) => redactor.text(one) === "***");
    expect(masked.length).toBeLessThanOrEqual(33);
    expect(masked).toContain(token(2_039));
  });

  it("masks on in a text that is under way", () => {
    const redactor = createRedactor();
    redactor.add(["value-for-good"]);
    redactor.add(tokens(100), 1_000);
    const stream = redactor.stream();

    const shown = stream.push("it is value-");
    redactor.forget(1_000);

    expect(shown + stream.push(`for-good and ${token(3)}`) + stream.end()).toBe(`it is *** and ${token(3)}`);
  });
});
