import type { Deps } from "../deps.ts";
import { misused } from "../failure.ts";
import { readSecret, requireName } from "./read-secret.ts";
import { variableOf } from "./variable.ts";

export type OneOffOptions = {
  readonly value?: readonly string[];
  readonly secret?: readonly string[];
  readonly secretFile?: readonly string[];
};

type OneOff = { readonly name: string; readonly value?: string; readonly secretValue?: string };

/** Values for one execution alone, from the command line, from files, and of secrets from prompts. */
export async function oneOffValues(
  deps: Deps,
  { value = [], secret = [], secretFile = [] }: OneOffOptions,
): Promise<OneOff[]> {
  const values: OneOff[] = value.map((word) => variableOf(word, "--value NAME=value"));
  if (secret.length > 1 && !deps.stdin.isTTY)
    throw misused("standard input holds one secret", "put the others into files: --secret-file NAME=file");
  for (const word of secretFile) {
    const { name, value: file } = variableOf(word, "--secret-file NAME=file");
    values.push({ name, secretValue: await readSecret(deps, name, file) });
  }
  for (const word of secret) {
    const name = requireName(word, "leave the value out, and it is asked for: --secret <name>");
    values.push({ name, secretValue: await readSecret(deps, name) });
  }
  return values;
}
