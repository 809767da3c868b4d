import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { camel, kebab, order, readContract } from "./contract.ts";

/** A registration file's name without its ending, and its text. */
export type Registration = { readonly name: string; readonly text: string };

const SOURCES = "packages/kinds/src";

/**
 * The index of the registration files: each kind of the contract has one, called as the kind is in kebab case, that
 * exports a constant of that name in camel case. Fails with one line for each that is missing, empty or of no kind.
 */
export function kindsIndex(kinds: readonly string[], registrations: readonly Registration[]): string {
  const files = new Map(registrations.map(({ name, text }) => [name, text]));
  const wanted = new Map(kinds.map((kind) => [kebab(kind), kind]));
  const troubles = [
    ...[...wanted]
      .filter(([name]) => !files.has(name))
      .map(([name, kind]) => `the kind ${kind} is not registered: write ${SOURCES}/${name}.ts`),
    ...[...files.keys()]
      .filter((name) => !wanted.has(name))
      .map((name) => `${SOURCES}/${name}.ts: the contract has no kind of this name; what kinds share lies in a folder`),
    ...[...files]
      .filter(([name, text]) => wanted.has(name) && !exportsConstant(text, camel(name)))
      .map(([name]) => `${SOURCES}/${name}.ts: exports no constant \`${camel(name)}\``),
  ];
  if (troubles.length > 0) throw new Error(troubles.join("\n"));
  const names = [...files.keys()].sort(order);
  return names.map((name) => `export { ${camel(name)} } from "../src/${name}.ts";\n`).join("");
}

function exportsConstant(text: string, name: string): boolean {
  return new RegExp(`^export const ${name}\\b`, "m").test(text);
}

async function readRegistrations(root: string): Promise<readonly Registration[]> {
  const entries = await readdir(join(root, SOURCES), { withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile() && /^[a-z0-9-]+\.ts$/.test(entry.name));
  return Promise.all(
    files.map(async ({ name }) => ({
      name: name.slice(0, -".ts".length),
      text: await readFile(join(root, SOURCES, name), "utf8"),
    })),
  );
}

async function writeKindsIndex(root: string, outFile: string): Promise<void> {
  const [{ kinds }, registrations] = await Promise.all([readContract(root), readRegistrations(root)]);
  const names = kinds.map(({ options }) => options.kind);
  const index = kindsIndex(names, registrations);
  await mkdir(dirname(outFile), { recursive: true });
  await writeFile(outFile, index);
}

if (import.meta.main) {
  const [outFile] = process.argv.slice(2);
  if (!outFile) throw new Error("usage: kinds-index.ts <file to write>");
  await writeKindsIndex(join(import.meta.dirname, ".."), outFile).catch((cause) => {
    console.error(cause instanceof Error ? cause.message : String(cause));
    process.exitCode = 1;
  });
}
