import { misused } from "../failure.ts";

const FORM = /^([A-Za-z_][A-Za-z0-9_]{0,127})=([\s\S]*)$/;

/** Reads `NAME=value`. */
export function variableOf(word: string, advice: string): { readonly name: string; readonly value: string } {
  const [, name, value = ""] = FORM.exec(word) ?? [];
  if (name) return { name, value };
  throw misused("a variable is written NAME=value, its name of letters, digits and underscores", advice);
}
