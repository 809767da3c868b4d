import type { Deps } from "../deps.ts";
import { misused } from "../failure.ts";
import { editText } from "../output/edit-text.ts";
import { indentJson } from "./describe.ts";

/** Has the user edit a call's arguments. Returns undefined where they stay as they are; refuses what is no JSON object. */
export async function editArguments(
  deps: Pick<Deps, "processes" | "env" | "cwd">,
  json: string,
): Promise<string | undefined> {
  const before = `${indentJson(json) || "{}"}\n`;
  const edited = await editText(deps, { text: before, fileName: "arguments.json" });
  return edited.trim() === before.trim() ? undefined : checkArguments(edited);
}

/** Arguments that a person wrote, to the letter; refuses what is no JSON object. */
export function checkArguments(text: string): string {
  const value = parse(text);
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return text.trim();
  throw misused("the arguments are no JSON object", 'write them as one: {"path":"notes.md"}');
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw misused(`the arguments are not JSON: ${(cause as Error).message}`, 'write them so: {"path":"notes.md"}');
  }
}
