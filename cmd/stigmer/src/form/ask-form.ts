import type { Deps } from "../deps.ts";
import { fieldText } from "./form-text.ts";
import { type Field, readForm } from "./read-form.ts";
import { readValue } from "./read-value.ts";

export type Ask = (text: string) => Promise<string | undefined>;

/**
 * Has a person fill in a form, one field after the other, and answers with its content as JSON; undefined where the person
 * goes before the end.
 */
export async function askForm(deps: Pick<Deps, "stderr">, schema: string, ask: Ask): Promise<string | undefined> {
  const content: [string, unknown][] = [];
  for (const field of readForm(schema)) {
    const filled = await askField(deps, field, ask);
    if (filled === undefined) return undefined;
    if (filled.kind === "value") content.push([field.name, filled.value]);
  }
  return JSON.stringify(Object.fromEntries(content));
}

async function askField(deps: Pick<Deps, "stderr">, field: Field, ask: Ask) {
  for (;;) {
    const line = await ask(`  ${fieldText(field)}: `);
    if (line === undefined) return undefined;
    const filled = readValue(field, line);
    if (filled.kind !== "wrong") return filled;
    await deps.stderr.write(`  ${filled.problem}\n`);
  }
}
