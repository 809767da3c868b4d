import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import type { Deps } from "../deps.ts";
import { checkArguments } from "../execution/edit-arguments.ts";
import { misused } from "../failure.ts";

const MAX_BYTES = 1024 * 1024;

/** Arguments of a tool: JSON, `@file` for what a file says, or `-` for standard input. */
export async function readArguments(deps: Pick<Deps, "cwd" | "stdin">, given: string | undefined): Promise<string> {
  if (given === undefined) return "{}";
  if (given === "-") return checkArguments(await stdin(deps));
  if (given.startsWith("@")) return checkArguments(await file(deps, given.slice(1)));
  return checkArguments(given);
}

async function stdin(deps: Pick<Deps, "stdin">): Promise<string> {
  try {
    return await deps.stdin.text(MAX_BYTES);
  } catch (error) {
    if (error instanceof RangeError) throw tooLarge("standard input");
    if (error instanceof TypeError) throw misused("standard input is not UTF-8", "write the arguments as JSON");
    throw error;
  }
}

async function file({ cwd }: Pick<Deps, "cwd">, path: string): Promise<string> {
  const bytes = await readFile(resolve(cwd, path)).catch((error: NodeJS.ErrnoException) => {
    throw misused(`can't read the arguments from ${path}: ${error.code ?? error.message}`, "name a file that is there");
  });
  if (bytes.length > MAX_BYTES) throw tooLarge(path);
  return bytes.toString("utf8");
}

function tooLarge(name: string) {
  return misused(`${name} holds more than ${MAX_BYTES} bytes`, "a tool takes no more");
}
