import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { listFiles } from "./list-files.ts";
import { type Fence, parseMarkdown } from "./markdown.ts";

export type DocBlock = {
  /** `README.md:12`, where the block's fence is. */
  readonly place: string;
  readonly code: string;
  /** Why CI does not run it; undefined where it does. */
  readonly exempt?: string;
};

export type DocBlocks = { readonly blocks: readonly DocBlock[]; readonly findings: readonly string[] };

const RUN = new Set(["sh", "bash", "shell"]);
/** In the order of reading. */
const DOCUMENTS = ["README.md", "docs/guide/**/*.md", "docs/reference/**/*.md"];

/** The shell blocks of the README, the guide and the reference; files that are not there have none. */
export async function readDocBlocks(root: string): Promise<DocBlocks> {
  const files = (await Promise.all(DOCUMENTS.map((pattern) => listFiles(root, [pattern])))).flat();
  const perFile = await Promise.all(
    files.map(async (file) => docBlocksOf(file, await readFile(join(root, file), "utf8"))),
  );
  return {
    blocks: perFile.flatMap(({ blocks }) => blocks),
    findings: perFile.flatMap(({ findings }) => findings),
  };
}

/** A block in `sh` is exempt where `<!-- not run: reason -->` stands before it. Every block names its language. */
export function docBlocksOf(file: string, text: string): DocBlocks {
  const { fences } = parseMarkdown(text);
  const placed = fences.map((fence) => ({ fence, place: `${file}:${fence.line}` }));
  return {
    blocks: placed.filter(({ fence }) => RUN.has(fence.language)).map(({ fence, place }) => blockOf(fence, place)),
    findings: placed.flatMap(({ fence, place }) => troublesWith(fence).map((trouble) => `${place}: ${trouble}`)),
  };
}

function blockOf({ code, before }: Fence, place: string): DocBlock {
  const exempt = exemption(before);
  return exempt === undefined ? { place, code } : { place, code, exempt };
}

function troublesWith({ language, before }: Fence): readonly string[] {
  const exempt = exemption(before);
  if (language === "") return ["the block names no language; sh is run, console and text are not"];
  if (exempt === "") return ["the block is not run and nothing says why"];
  if (exempt !== undefined && !RUN.has(language)) return [`a block in ${language} is not run anyway`];
  return [];
}

function exemption(before: string): string | undefined {
  const [matched, reason = ""] = /^<!--\s*not run\b:?\s*(.*?)\s*-->$/.exec(before) ?? [];
  return matched === undefined ? undefined : reason;
}
