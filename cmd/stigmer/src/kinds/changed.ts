import type { Deps } from "../deps.ts";
import type { Format } from "../output/format.ts";
import { printJson } from "../output/print-json.ts";
import { printableLine } from "../output/printable.ts";
import { nameOf, type Resource } from "./columns.ts";
import type { Kind } from "./kinds.ts";

/** Says what was done to a resource: itself as JSON or YAML, else its name and a word. */
export async function printChanged(
  deps: Pick<Deps, "stdout">,
  of: { readonly kind: Kind; readonly resource: Resource; readonly done: string; readonly format: Format },
): Promise<void> {
  const { kind, resource, done, format } = of;
  if (format === "json" || format === "yaml") return await printJson(deps, resource, format);
  const name = nameOf(kind, resource);
  await deps.stdout.write(`${printableLine(format === "name" ? name : `${name} ${done}`)}\n`);
}
