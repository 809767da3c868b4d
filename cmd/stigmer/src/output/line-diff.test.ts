import { describe, expect, it } from "vitest";
import { diffLines } from "./line-diff.ts";

const shown = (before: string, after: string): readonly string[] =>
  diffLines(before, after).map(({ kind, text }) => `${{ same: " ", added: "+", removed: "-", gap: "~" }[kind]}${text}`);

describe("a diff", () => {
  it("is empty where nothing has changed, line ends apart", () => {
    expect(shown("a\nb\n", "a\r\nb")).toEqual([]);
  });

  it("shows each change with three lines around it, and a gap between places", () => {
    const lines = Array.from({ length: 20 }, (_, at) => `l${at}`);
    const after = lines.with(2, "two").toSpliced(17, 1);

    expect(shown(lines.join("\n"), after.join("\n"))).toEqual([
      ...[" l0", " l1", "-l2", "+two", " l3", " l4", " l5", "~"],
      ...[" l14", " l15", " l16", "-l17", " l18", " l19"],
    ]);
  });

  it("shows a new text as added, and one that goes as removed", () => {
    expect([shown("", "a\nb\n"), shown("a\n", "")]).toEqual([["+a", "+b"], ["-a"]]);
  });

  it("shows texts that are too large to compare as one replaced by the other", () => {
    const [before, after] = ["a", "b"].map((word) => `${`${word}\n`.repeat(1999)}same\n${word}`);

    const kinds = diffLines(before ?? "", after ?? "").map(({ kind }) => kind);

    expect([kinds.filter((kind) => kind === "removed").length, kinds.filter((kind) => kind === "same").length]).toEqual(
      [2001, 0],
    );
  });
});
