import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { openBackend } from "../backend/open-backend.ts";
import type { GlobalOptions } from "../command-line.ts";
import type { Deps } from "../deps.ts";
import { changedFormat, changeEnvironment, sayChanged } from "../environment/change-environment.ts";
import { DotEnvProblem, type Entry, parseDotEnv } from "../environment/dot-env.ts";
import { setSecret, setVariable } from "../environment/spec-change.ts";
import { misused } from "../failure.ts";

export type ImportOptions = GlobalOptions & {
  readonly name: string;
  /** `-` for standard input. */
  readonly file: string;
  /** Names that are no secrets. */
  readonly plain?: readonly string[];
  readonly forceShort?: boolean;
};

const MAX_FILE_BYTES = 4 * 1024 * 1024;
const SHORTEST = 8;

/** Sets all that a `.env` file says, in one change. */
export async function importFile(deps: Deps, options: ImportOptions): Promise<void> {
  const format = changedFormat(deps, options.output);
  const { name, file, plain = [], forceShort = false } = options;
  const entries = entriesOf(await textOf(deps, file), file);
  const unknown = plain.filter((one) => !entries.some((entry) => entry.name === one));
  if (unknown.length > 0) throw misused(`${file} says nothing of ${unknown.join(", ")}`, "leave out --plain for these");
  const isPlain = (entry: Entry): boolean => plain.includes(entry.name);
  const short = entries.filter((entry) => !isPlain(entry) && Buffer.byteLength(entry.value) < SHORTEST);
  if (short.length > 0 && !forceShort) throw tooShort(short);
  await using backend = await openBackend(deps, options);
  const environment = await changeEnvironment(deps, backend, {
    name,
    change: (spec) => {
      for (const entry of entries) {
        if (isPlain(entry)) setVariable(spec, entry.name, entry.value);
        else setSecret(spec, { ...entry, forceShort });
      }
    },
  });
  const secrets = entries.filter((entry) => !isPlain(entry)).length;
  const done = `has ${entries.length} values of ${file === "-" ? "standard input" : file}, ${secrets} of them secrets`;
  await sayChanged(deps, environment, { format, done });
}

function tooShort(short: readonly Entry[]): Error {
  const names = short.map(({ name }) => name);
  const options = names.map((name) => `--plain ${name}`).join(" ");
  const message = `a secret has at least 8 bytes, and these have fewer: ${names.join(", ")}`;
  return misused(message, `where they are no secrets: ${options}; otherwise --force-short`);
}

function entriesOf(text: string, file: string): readonly Entry[] {
  try {
    const entries = parseDotEnv(text).filter(({ value }) => value !== "");
    if (entries.length > 0) return entries;
  } catch (error) {
    if (error instanceof DotEnvProblem) throw misused(`${file}: ${error.message}`);
    throw error;
  }
  throw misused(`${file} says no value`, "write NAME=value lines");
}

async function textOf(deps: Pick<Deps, "stdin" | "cwd">, file: string): Promise<string> {
  try {
    if (file === "-") return await deps.stdin.text(MAX_FILE_BYTES);
    const bytes = await readFile(resolve(deps.cwd, file));
    if (bytes.length > MAX_FILE_BYTES) throw new RangeError("too large");
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    if (error instanceof RangeError) throw misused(`${file} is larger than 4 MiB`);
    if (error instanceof TypeError) throw misused(`${file} is not UTF-8 text`);
    if (error instanceof Error && "code" in error) throw misused(`can't read ${file}: ${error.code}`);
    throw error;
  }
}
