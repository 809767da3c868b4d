import { resolve } from "node:path";
import { readBlob } from "@stigmer/client";
import { type SkillFile, SkillSchema } from "@stigmer/contracts/agentic";
import { openBackend } from "../backend/open-backend.ts";
import type { GlobalOptions } from "../command-line.ts";
import type { Deps } from "../deps.ts";
import { failed } from "../failure.ts";
import { printMessage } from "../kinds/message-printer.ts";
import { formatOf } from "../output/format.ts";
import { printableLine } from "../output/printable.ts";
import { emptyFolder, writeNewFile } from "../output/write-files.ts";
import { findSkill } from "../skill/find-skill.ts";
import { isBelow, MOST_BYTES, MOST_FILES } from "../skill/skill-source.ts";

export type PullOptions = GlobalOptions & { readonly name: string; readonly folder: string };

/** Writes a skill's files, each compared with its digest. A backend is not believed either: no path may leave the folder. */
export async function pull(deps: Deps, options: PullOptions): Promise<void> {
  const format = formatOf(options.output, { isTTY: deps.stdout.isTTY, allowed: ["table", "json", "yaml", "name"] });
  await using backend = await openBackend(deps, options);
  const client = backend.client();
  const skill = await findSkill(deps, client, options.name);
  const files = skill.spec?.files ?? [];
  requireTame(files);
  const folder = resolve(deps.cwd, options.folder);
  await emptyFolder(folder);
  for (const { path, digest, size } of files) {
    const read = { org: backend.org, signal: deps.interrupt, maxBytes: Number(size) };
    await writeNewFile(folder, path, [await readBlob(client, digest, read)]);
  }
  if (format === "json" || format === "yaml") return await printMessage(deps, SkillSchema, skill, format);
  const name = `skill/${skill.metadata?.name}`;
  const said = format === "name" ? name : `${name} written to ${options.folder}: ${files.length} files`;
  await deps.stdout.write(`${printableLine(said)}\n`);
}

function requireTame(files: readonly SkillFile[]): void {
  const total = files.reduce((sum, { size }) => sum + size, 0n);
  if (files.length > MOST_FILES || total > BigInt(MOST_BYTES)) throw failed("the skill is larger than a skill may be");
  const wild = files.find(({ path }) => !isBelow(path));
  if (wild)
    throw failed(`the skill's file ${printableLine(wild.path)} would leave the folder`, "do not use this skill");
}
