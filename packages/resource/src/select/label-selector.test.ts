import { Fault } from "@stigmer/base";
import { describe, expect, it } from "vitest";
import { predicateOf } from "./condition.ts";
import { MAX_SELECTOR_TERMS, parseLabelSelector } from "./label-selector.ts";

const LABELS = { env: "dev", team: "", "example.com/tier": "gold", in: "x" };

const selects = (selector: string) => predicateOf(parseLabelSelector(selector))({ labels: LABELS });

function refusal(selector: string): string {
  try {
    parseLabelSelector(selector);
  } catch (error) {
    if (error instanceof Fault) {
      expect(error).toMatchObject({ kind: "invalid", reason: "INVALID_REQUEST" });
      expect(error.violations.map(({ field }) => field)).toEqual(["labelSelector"]);
      return error.violations[0]?.description ?? "";
    }
  }
  throw new Error(`${selector} was not refused`);
}

describe("a label selector", () => {
  it.each([
    "",
    "  ",
    "env=dev",
    "env==dev",
    " env = dev ",
    "env!=prod",
    "absent!=prod",
    "env in (dev)",
    "env in ( prod , dev )",
    "env\tin\n(dev)",
    "env notin (prod, test)",
    "absent notin (dev)",
    "env",
    "!absent",
    "! absent",
    "team=",
    "team in (,a)",
    "team in ()",
    "example.com/tier=gold,env=dev",
    "env=dev,env in (dev,prod),!absent , team",
    "in in (x)",
  ])("is met by %j", (selector) => {
    expect(selects(selector)).toBe(true);
  });

  it.each([
    "env=prod",
    "env!=dev",
    "absent=dev",
    "absent",
    "!env",
    "env notin (dev)",
    "env=dev,absent",
    "tier=gold",
    "env=",
    "constructor",
  ])("is not met by %j", (selector) => {
    expect(selects(selector)).toBe(false);
  });

  it.each([
    [",", 1],
    ["env=dev,", 9],
    ["env=dev,,team", 9],
    ["=dev", 1],
    ["env dev", 5],
    ["env in dev", 8],
    ["env in (dev", 12],
    ["env in (dev))", 13],
    ["env ! = dev", 5],
    ["env > 5", 5],
    ["!env=dev", 5],
    ["-env", 1],
    ["a/b/c", 1],
    ["UPPER.example/x", 1],
    [`${"a".repeat(64)}=1`, 1],
    [`${"a.".repeat(127)}/x`, 1],
    ["env=de v", 8],
    ["env=a/b", 5],
    [`env=${"a".repeat(64)}`, 5],
    ["env=-dev", 5],
    ["env=d\0v", 5],
    ["env=\ud800", 5],
    ["аenv", 1],
  ])("is refused where it is %j, with the place", (selector, place) => {
    expect(refusal(selector)).toMatch(new RegExp(` at character ${place}$`));
  });

  it("is refused with more terms than it may have, however they are written", () => {
    const many = Array.from({ length: 10_000 }, (_, at) => `v${at % 10}`)
      .join(",")
      .slice(0, 16_000);

    expect(refusal(many)).toContain(`more than ${MAX_SELECTOR_TERMS}`);
    expect(refusal(`a in (${many})`)).toContain(`more than ${MAX_SELECTOR_TERMS}`);
  });

  it("is refused where it is longer than 16 KiB", () => {
    expect(refusal(`a=${"b,".repeat(10_000)}`)).toContain("is longer than");
  });
});
