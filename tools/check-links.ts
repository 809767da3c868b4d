import { readFile, stat } from "node:fs/promises";
import { dirname, join, normalize } from "node:path";
import { closeCheck, type Findings } from "./findings.ts";
import { listFiles } from "./list-files.ts";
import { anchorsOf, linksOf } from "./markdown.ts";

/**
 * Follows every link in our Markdown that stays in this repository: the file must exist, and the anchor in it. Links to
 * elsewhere are not followed. One that starts with `/` or leaves the repository is refused, as it works on one site only.
 */
export async function checkLinks(root: string): Promise<Findings> {
  const files = await listFiles(root, ["**/*.md"]);
  const perFile = await Promise.all(files.map((file) => checkFile(file, root)));
  return {
    findings: perFile.flatMap(({ findings }) => findings),
    looked: `${perFile.reduce((sum, { links }) => sum + links, 0)} links in ${files.length} files`,
  };
}

async function checkFile(file: string, root: string): Promise<{ links: number; findings: readonly string[] }> {
  const links = linksOf(await readFile(join(root, file), "utf8")).filter(({ text }) => !isElsewhere(text));
  const troubles = await Promise.all(links.map(({ text }) => troubleWith(text, file, root)));
  const findings = links.flatMap(({ text, number }, at) =>
    troubles[at] === undefined ? [] : [`${file}:${number}: ${text} ${troubles[at]}`],
  );
  return { links: links.length, findings };
}

function isElsewhere(link: string): boolean {
  return /^(?:[a-z][a-z0-9+.-]*:|\/\/)/i.test(link);
}

async function troubleWith(link: string, from: string, root: string): Promise<string | undefined> {
  const [path = "", anchor] = link.split("#");
  if (path.startsWith("/")) return "is not relative";
  const target = path === "" ? from : normalize(join(dirname(from), decodeURIComponent(path)));
  if (target.startsWith("..")) return "leaves the repository";
  const found = await stat(join(root, target)).catch(() => undefined);
  if (found === undefined) return "leads nowhere";
  if (anchor === undefined || !target.endsWith(".md")) return undefined;
  const anchors = anchorsOf(await readFile(join(root, target), "utf8"));
  return anchors.has(decodeURIComponent(anchor)) ? undefined : "names an anchor that is not there";
}

if (import.meta.main) await closeCheck("links", checkLinks(join(import.meta.dirname, "..")));
