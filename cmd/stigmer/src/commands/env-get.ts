import { timestampDate } from "@bufbuild/protobuf/wkt";
import { type Environment, EnvironmentSchema } from "@stigmer/contracts/agentic";
import { openBackend } from "../backend/open-backend.ts";
import type { GlobalOptions } from "../command-line.ts";
import type { Deps } from "../deps.ts";
import { findEnvironment } from "../environment/change-environment.ts";
import { failed } from "../failure.ts";
import { printMessage } from "../kinds/message-printer.ts";
import { formatOf } from "../output/format.ts";
import { formatDelimited, formatTable } from "../output/table.ts";

export type GetOptions = GlobalOptions & { readonly name: string };

/** Shows variables with their values, and secrets with the time when they were set. */
export async function get(deps: Deps, options: GetOptions): Promise<void> {
  const format = formatOf(options.output, { isTTY: deps.stdout.isTTY, allowed: ["table", "json", "yaml"] });
  await using backend = await openBackend(deps, options);
  const environment = await findEnvironment(deps, backend, options.name);
  if (!environment) throw failed(`environment "${options.name}" not found`, "see which there are: stigmer env list");
  if (format === "json" || format === "yaml") return await printMessage(deps, EnvironmentSchema, environment, format);
  const rows = rowsOf(environment);
  const text = format === "table" ? formatTable(["name", "value", "set"], rows) : rows.map(formatDelimited).join("");
  await deps.stdout.write(text);
}

function rowsOf({ spec, status }: Environment): string[][] {
  const variables = Object.entries(spec?.variables ?? {}).map(([name, value]) => [name, value, ""]);
  const secrets = (status?.secrets ?? []).map(({ name, updateTime }) => [
    name,
    "(secret)",
    updateTime ? timestampDate(updateTime).toISOString() : "",
  ]);
  return [...variables, ...secrets].sort(([one = ""], [other = ""]) => (one < other ? -1 : 1));
}
