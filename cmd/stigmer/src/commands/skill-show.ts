import { readBlob } from "@stigmer/client";
import { type Skill, SkillSchema } from "@stigmer/contracts/agentic";
import { openBackend } from "../backend/open-backend.ts";
import type { GlobalOptions } from "../command-line.ts";
import type { Deps } from "../deps.ts";
import { printMessage } from "../kinds/message-printer.ts";
import { formatOf } from "../output/format.ts";
import { paintFor } from "../output/paint.ts";
import { printableLine, printableText } from "../output/printable.ts";
import { formatDelimited, formatTable } from "../output/table.ts";
import { findSkill } from "../skill/find-skill.ts";

export type ShowOptions = GlobalOptions & { readonly name: string };

const MAX_BODY_BYTES = 1024 * 1024;

/** Shows a skill as an agent has it: what it is for, its files, and its `SKILL.md`. In a pipe the files alone. */
export async function show(deps: Deps, options: ShowOptions): Promise<void> {
  const format = formatOf(options.output, { isTTY: deps.stdout.isTTY, allowed: ["table", "json", "yaml", "name"] });
  await using backend = await openBackend(deps, options);
  const client = backend.client();
  const skill = await findSkill(deps, client, options.name);
  if (format === "json" || format === "yaml") return await printMessage(deps, SkillSchema, skill, format);
  if (format === "name") return await deps.stdout.write(`skill/${skill.metadata?.name}\n`);
  const rows = (skill.spec?.files ?? []).map(({ path, size, digest }) => [path, String(size), digest]);
  if (format === "delimited") return await deps.stdout.write(rows.map(formatDelimited).join(""));
  const digest = skill.spec?.files.find(({ path }) => path === "SKILL.md")?.digest ?? "";
  const bytes = await readBlob(client, digest, { org: backend.org, signal: deps.interrupt, maxBytes: MAX_BODY_BYTES });
  const body = printableText(new TextDecoder().decode(bytes)).trimEnd();
  const table = formatTable(["path", "bytes", "digest"], rows, deps.stdout.columns);
  await deps.stdout.write(`${headOf(deps, skill)}\n${table}\n${body}\n`);
}

function headOf(deps: Deps, { metadata, spec, status }: Skill): string {
  const paint = paintFor(deps.stdout, deps.env);
  const facts = [
    ["name", metadata?.name],
    ["revision", status?.revision],
    ["description", spec?.description],
  ];
  return facts.map(([label = "", value = ""]) => `${paint.bold(label.padEnd(14))}${printableLine(value)}\n`).join("");
}
