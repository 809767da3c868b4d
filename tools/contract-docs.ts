import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { contractComments } from "./contract-comments.ts";
import { contractImage } from "./contract-image.ts";

const TYPES = `/**
 * What the contract says of each of its messages, fields, enums, enum values, services and methods, by full name:
 * \`ai.stigmer.agentic.agent.v1.AgentSpec.model\`. An enum's value stands below its enum. Text is Markdown.
 */
export declare const docs: Readonly<Record<string, string>>;
`;

/** Writes the contract's comments, as data, into the folder of generated code. */
async function writeDocs(root: string, outDir: string): Promise<void> {
  const comments = contractComments(await contractImage(root));
  const sorted = [...comments].sort(([one], [other]) => (one < other ? -1 : 1));
  const data = JSON.stringify(Object.fromEntries(sorted), undefined, 2);
  await Promise.all([
    writeFile(join(outDir, "docs.js"), `export const docs = ${data};\n`),
    writeFile(join(outDir, "docs.d.ts"), TYPES),
  ]);
}

const [outDir] = process.argv.slice(2);
if (!outDir) throw new Error("usage: contract-docs.ts <folder of generated code>");
await writeDocs(join(import.meta.dirname, ".."), outDir);
