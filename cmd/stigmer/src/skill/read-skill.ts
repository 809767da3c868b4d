import { readFile, stat } from "node:fs/promises";
import { resolve } from "node:path";
import type { Deps } from "../deps.ts";
import { misused } from "../failure.ts";
import { type FrontMatter, readFrontMatter } from "./front-matter.ts";
import { readFolder } from "./read-folder.ts";
import { readZip } from "./read-zip.ts";
import { type LocalFile, MOST_BYTES, requireDistinct } from "./skill-source.ts";

export type LocalSkill = FrontMatter & { readonly files: readonly LocalFile[] };

/** Reads a skill from a folder or a zip archive. Refuses what could not be one before anything is sent. */
export async function readSkill(deps: Pick<Deps, "cwd">, source: string): Promise<LocalSkill> {
  const path = resolve(deps.cwd, source);
  const info = await stat(path).catch((error: NodeJS.ErrnoException) => {
    const why = error.code === "ENOENT" ? "no such folder or file" : `can't be read: ${error.code ?? error.message}`;
    throw misused(`${source}: ${why}`, "give the folder of a skill, or a zip archive of it");
  });
  if (!info.isDirectory() && info.size > MOST_BYTES)
    throw misused(`${source}: is larger than ${MOST_BYTES / 1024 / 1024} MiB`, "a skill is knowledge to read");
  const files = info.isDirectory() ? await readFolder(path) : readZip(source, await readFile(path));
  requireDistinct(source, files);
  return { ...readFrontMatter(source, files), files };
}
