import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import type { Deps } from "../deps.ts";
import { interrupted, misused } from "../failure.ts";
import { printableLine } from "../output/printable.ts";

/** The largest value that the contract takes. */
const MAX_VALUE_BYTES = 32_768;

const NAME = /^[A-Za-z_][A-Za-z0-9_]{0,127}$/;

/** Refuses what is no name of a variable. A value beside the name is not repeated in what is said. */
export function requireName(word: string, advice: string): string {
  if (word.includes("=")) {
    const name = word.slice(0, word.indexOf("="));
    throw misused(
      `the value of a secret is never an argument: others on this machine can read it there, and the shell keeps it`,
      NAME.test(name) ? advice.replace("<name>", name) : advice,
    );
  }
  if (NAME.test(word)) return word;
  throw misused(
    `${JSON.stringify(word)} is no name of a variable`,
    "a name has letters, digits and underscores, and begins with no digit",
  );
}

/** The value of a secret: from a file where one is named, else from a prompt that does not show it, else from standard input. */
export async function readSecret(deps: Deps, name: string, file?: string): Promise<string> {
  const value = file === undefined ? await fromPerson(deps, name) : await fromFile(deps, file);
  if (!value) throw misused(`the value of ${name} is empty`, "give one at the prompt, on standard input or by a file");
  return value;
}

async function fromPerson(deps: Deps, name: string): Promise<string> {
  if (!deps.stdin.isTTY) return withoutLineEnd(await bounded(() => deps.stdin.text(MAX_VALUE_BYTES), name));
  if (!deps.stderr.isTTY)
    throw misused(`nobody can see that ${name} is asked for`, "pipe its value in, or name a file");
  await deps.stderr.write(`${printableLine(name)} (not shown): `);
  const value = await deps.stdin.hidden(deps.interrupt);
  await deps.stderr.write("\n");
  if (value === undefined) throw interrupted("nothing was set");
  return value;
}

async function fromFile(deps: Pick<Deps, "cwd">, file: string): Promise<string> {
  const bytes = await readFile(resolve(deps.cwd, file)).catch((error: NodeJS.ErrnoException) => {
    throw misused(`can't read ${file}: ${error.code ?? error.message}`);
  });
  if (bytes.length > MAX_VALUE_BYTES + 2) throw misused(`${file} is larger than 32 KiB`);
  return withoutLineEnd(await bounded(async () => new TextDecoder("utf-8", { fatal: true }).decode(bytes), file));
}

async function bounded(read: () => Promise<string>, what: string): Promise<string> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof RangeError) throw misused(`the value of ${what} is larger than 32 KiB`);
    if (error instanceof TypeError) throw misused(`the value of ${what} is not UTF-8 text`);
    throw error;
  }
}

function withoutLineEnd(text: string): string {
  return text.replace(/\r?\n$/, "");
}
