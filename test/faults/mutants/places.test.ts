import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { edited } from "./mutant.ts";
import { MUTANTS } from "./mutants.ts";

const ROOT = new URL("../../../", import.meta.url);

it.each(MUTANTS)("the sources still have the place of: $name", ({ edits }) => {
  const texts = new Map<string, string>();
  for (const edit of edits) {
    const text = texts.get(edit.file) ?? readFileSync(new URL(edit.file, ROOT), "utf8");
    texts.set(edit.file, edited(text, edit));
    expect(texts.get(edit.file)).not.toBe(text);
  }
});
