import type { Deps } from "../deps.ts";
import { formatJson } from "./structured.ts";

/** Writes a value as JSON or YAML. */
export async function printJson(deps: Pick<Deps, "stdout">, value: unknown, format: "json" | "yaml"): Promise<void> {
  // What writes YAML is large, and most commands never need it.
  const text = format === "yaml" ? (await import("./yaml.ts")).formatYaml(value) : formatJson(value);
  await deps.stdout.write(text);
}
