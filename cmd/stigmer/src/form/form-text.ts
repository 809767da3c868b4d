import { printableLine, shortLine } from "../output/printable.ts";
import type { Field } from "./read-form.ts";

const MAX_ABOUT = 300;

/** A field on one line: its name, what it takes, what the server says of it. Nothing in it can draw on the terminal. */
export function fieldText(field: Field): string {
  const { name, about, preset } = field;
  const takes = [kindText(field), preset === undefined ? "" : `unless told ${JSON.stringify(preset)}`];
  const said = about ? ` — ${shortLine(about, MAX_ABOUT)}` : "";
  return `${printableLine(`${name} (${takes.filter(Boolean).join(", ")})`)}${said}`;
}

function kindText({ type, choices, required }: Field): string {
  const optional = required ? "" : "optional ";
  if (choices.length > 0) return `${optional}${type === "list" ? "some" : "one"} of ${choicesText(choices)}`;
  return `${optional}${NAMES[type]}`;
}

const NAMES: Readonly<Record<Field["type"], string>> = {
  ...{ string: "text", number: "number", integer: "whole number", boolean: "yes or no" },
  ...{ list: "list, comma between", json: "JSON" },
};

function choicesText(choices: Field["choices"]): string {
  return choices.map(({ value, label }, at) => `${at + 1} ${value}${label ? ` "${label}"` : ""}`).join(", ");
}
