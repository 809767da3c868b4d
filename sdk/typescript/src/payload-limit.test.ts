import { expect, it } from "vitest";
import { requireFits } from "./payload-limit.ts";

const MIB = 1024 * 1024;

it.each([
  ["ASCII", ["x".repeat(3 * MIB)]],
  ["characters of three bytes", ["€".repeat(MIB)]],
  ["nothing", []],
])("takes 3 MiB of %s", (_, texts) => {
  expect(() => requireFits(texts, "it")).not.toThrow();
});

it.each([
  ["one text", ["x".repeat(3 * MIB + 1)]],
  ["texts together", ["x".repeat(2 * MIB), "x".repeat(2 * MIB)]],
  ["characters of three bytes", ["€".repeat(MIB + 1)]],
])("refuses more, in %s", (_, texts) => {
  expect(() => requireFits(texts, "it")).toThrow(expect.objectContaining({ reason: "LIMIT_REACHED" }));
});
