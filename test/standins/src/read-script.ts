import { readFileSync } from "node:fs";
import { parse } from "yaml";
import type { Script } from "./script.ts";

/** A script from a YAML or JSON file. Only that it has turns is checked. */
export function readScript(file: string): Script {
  const script: unknown = parse(readFileSync(file, "utf8"));
  if (isScript(script)) return script;
  throw new Error(`${file}: not a script, which is a map with turns`);
}

function isScript(value: unknown): value is Script {
  return typeof value === "object" && value !== null && "turns" in value && Array.isArray(value.turns);
}
