import { access, mkdir, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { Command } from "commander";
import { homeOf } from "../backend/home.ts";
import { openBackend } from "../backend/open-backend.ts";
import { type GlobalOptions, newLeaf, optionsOf } from "../command-line.ts";
import { getSetting, readConfig } from "../config/file.ts";
import type { Deps } from "../deps.ts";
import { failed } from "../failure.ts";
import { formatOf } from "../output/format.ts";
import { formatJson } from "../output/structured.ts";
import { PROJECT, SCHEMAS } from "./init-project.ts";
import { applicableKinds, writeSchemas } from "./schema.ts";

export type Options = GlobalOptions & { readonly dir: string };

export function newInitCommand(deps: Deps, run = init): Command {
  return newLeaf("init", "Writes a small project and starts the local daemon. Overwrites nothing.")
    .argument("[dir]", "folder of the project", ".")
    .action((dir: string, _, command: Command) => run(deps, { ...optionsOf<GlobalOptions>(command), dir }));
}

export async function init(deps: Deps, options: Options): Promise<void> {
  const format = formatOf(options.output, { isTTY: deps.stdout.isTTY, allowed: ["table", "json"] });
  const folder = resolve(deps.cwd, options.dir);
  await writeProject(folder, options.dir);
  const schemas = await writeSchemas(join(folder, SCHEMAS), applicableKinds());
  const names = [...Object.keys(PROJECT), ...schemas.map((name) => join(SCHEMAS, name))];
  const files = names.map((name) => join(options.dir, name));
  if (format === "json") await deps.stdout.write(formatJson({ dir: folder, files }));
  else await deps.stdout.write(files.map((file) => `wrote ${file}\n`).join(""));
  await using _backend = await openBackend(deps, options);
  await deps.stderr.write(nextSteps(options.dir, await isModelSet(deps)));
}

async function writeProject(folder: string, shown: string): Promise<void> {
  const names = [...Object.keys(PROJECT), SCHEMAS];
  const there = await Promise.all(names.map((name) => exists(join(folder, name))));
  const taken = names.filter((_, at) => there[at]).map((name) => join(shown, name));
  if (taken.length > 0) {
    throw failed(
      `there already: ${taken.join(", ")}`,
      "nothing was written; choose another folder: stigmer init <dir>",
    );
  }
  try {
    await mkdir(folder, { recursive: true });
    // `wx` refuses a file that has appeared since.
    for (const [name, text] of Object.entries(PROJECT)) await writeFile(join(folder, name), text, { flag: "wx" });
  } catch (error) {
    throw failed(
      `can't write to ${folder}: ${error instanceof Error ? error.message : error}`,
      "choose another folder",
    );
  }
}

async function exists(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    () => false,
  );
}

async function isModelSet(deps: Deps): Promise<boolean> {
  return typeof getSetting(await readConfig(homeOf(deps).config), ["model"]) === "string";
}

function nextSteps(dir: string, isModelSet: boolean): string {
  const model = isModelSet
    ? []
    : [
        "no model is configured yet; choose one:",
        "  stigmer config set model openai/gpt-5    (reads the key from OPENAI_API_KEY)",
        "  stigmer config set model ollama/qwen3    (a model on this machine, without a key)",
      ];
  const steps = [
    "next:",
    `  stigmer apply -f ${join(dir, "agent.yaml")}`,
    '  stigmer agent execute assistant "hello"',
    "or an agent of your own:",
    '  stigmer agent create my-agent --instructions "You answer in one sentence."',
    '  stigmer agent execute my-agent "hello"',
  ];
  return `${[...model, ...steps].join("\n")}\n`;
}
