import { mkdir, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { Command } from "commander";
import { type GlobalOptions, newLocalLeaf, optionsOf } from "../command-line.ts";
import { loadDocs } from "../contract/docs.ts";
import { schemaOf } from "../contract/json-schema.ts";
import type { Deps } from "../deps.ts";
import { failed, misused } from "../failure.ts";
import { allKinds, findKind, type Kind, wordOf } from "../kinds/kinds.ts";
import { formatOf } from "../output/format.ts";
import { printJson } from "../output/print-json.ts";
import { formatJson } from "../output/structured.ts";

export type Options = GlobalOptions & { readonly kind?: string | undefined; readonly dir?: string };

export function newSchemaCommand(deps: Deps, run = schema): Command {
  return newLocalLeaf("schema", "Prints the JSON Schema (draft 2020-12) of manifests, for editors and other tools.")
    .argument("[kind]", "kind of the manifest; any that can be applied, unless told")
    .option("--dir <folder>", "write one file per kind into this folder, as <kind>.schema.json")
    .action((kind: string | undefined, _, command: Command) =>
      run(deps, { ...optionsOf<GlobalOptions>(command), kind }),
    );
}

export async function schema(deps: Deps, options: Options): Promise<void> {
  const kinds = options.kind === undefined ? applicableKinds() : [applicable(findKind(allKinds(), options.kind))];
  const format = formatOf(options.output, { isTTY: true, allowed: ["json", "yaml"] });
  if (options.dir === undefined) {
    return await printJson(deps, schemaOf(kinds, await loadDocs()), format === "yaml" ? "yaml" : "json");
  }
  const folder = resolve(deps.cwd, options.dir);
  const { dir } = options;
  const written = await writeSchemas(folder, kinds).catch((error: NodeJS.ErrnoException) => {
    throw failed(`can't write to ${dir}: ${error.code ?? error.message}`, "choose another folder");
  });
  await deps.stdout.write(written.map((name) => `wrote ${join(dir, name)}\n`).join(""));
}

/** Kinds whose resources a manifest can describe. */
export function applicableKinds(): readonly Kind[] {
  return allKinds().filter(({ managed }) => managed === "USER");
}

/** Writes the schema of each kind, and returns the names of the files. */
export async function writeSchemas(folder: string, kinds: readonly Kind[]): Promise<readonly string[]> {
  const docs = await loadDocs();
  await mkdir(folder, { recursive: true });
  for (const kind of kinds) await writeFile(join(folder, schemaFile(kind)), formatJson(schemaOf([kind], docs)));
  return kinds.map(schemaFile);
}

export function schemaFile(kind: Pick<Kind, "kind">): string {
  return `${wordOf(kind)}.schema.json`;
}

function applicable(kind: Kind): Kind {
  if (kind.managed === "USER") return kind;
  const known = applicableKinds().map(wordOf).join(", ");
  throw misused(`no manifest can describe ${kind.plural}`, `kinds of manifests: ${known}`);
}
