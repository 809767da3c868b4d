import { parse } from "yaml";
import { misused } from "../failure.ts";
import type { LocalFile } from "./skill-source.ts";

/** What a skill says of itself. Whether it may say so is for the backend to judge. */
export type FrontMatter = { readonly name: string; readonly description: string };

const MAX_HEAD = 64 * 1024;
const HEAD = /^\uFEFF?---[ \t]*\r?\n(?<head>[\s\S]*?)\r?\n---[ \t]*(?:\r?\n|$)/;
const EXAMPLE =
  "it begins so: ---, name: <name>, description: <what it is for and when to use it>, ---, each on a line";

/** Name and description as `SKILL.md` says them, the description on one line. */
export function readFrontMatter(source: string, files: readonly LocalFile[]): FrontMatter {
  const file = files.find(({ path }) => path === "SKILL.md");
  if (!file) throw misused(`${source}: there is no SKILL.md in it`, "a skill is a folder with a file SKILL.md");
  const head = HEAD.exec(textOf(source, file.bytes).slice(0, MAX_HEAD))?.groups?.head;
  if (head === undefined) throw misused(`${source}: SKILL.md has no front matter`, EXAMPLE);
  const { name, description } = fieldsOf(source, head);
  if (typeof name !== "string" || name === "") throw misused(`${source}: SKILL.md says no name`, EXAMPLE);
  if (typeof description !== "string" || description.trim() === "")
    throw misused(`${source}: SKILL.md says no description`, EXAMPLE);
  return { name, description: description.replace(/\s+/g, " ").trim() };
}

function textOf(source: string, bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw misused(`${source}: SKILL.md is not UTF-8 text`, "save it as UTF-8");
  }
}

function fieldsOf(source: string, head: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = parse(head, { schema: "core", maxAliasCount: 0, logLevel: "error" });
    return typeof value === "object" && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
  } catch (error) {
    const [why] = String(error instanceof Error ? error.message : error).split("\n");
    throw misused(`${source}: the front matter of SKILL.md is no YAML: ${why}`, EXAMPLE);
  }
}
