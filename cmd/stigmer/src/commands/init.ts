import { join, resolve } from "node:path";
import { type Command, Option } from "commander";
import { homeOf } from "../backend/home.ts";
import { openBackend } from "../backend/open-backend.ts";
import { type GlobalOptions, newLeaf, optionsOf } from "../command-line.ts";
import { getSetting, readConfig, setSetting, writeConfig } from "../config/file.ts";
import { keyOf } from "../config/keys.ts";
import type { Deps } from "../deps.ts";
import { failed } from "../failure.ts";
import { type Choice, choicesOf, chooseModel, namedChoice } from "../init/choose-model.ts";
import { type Found, findModels } from "../init/find-models.ts";
import { filesThere, isInstalled, writeProject } from "../init/write-project.ts";
import { confirm } from "../output/confirm.ts";
import { formatOf } from "../output/format.ts";
import { formatJson } from "../output/structured.ts";
import { FROM_NPM, INSTALLED, projectFiles, SCHEMAS, TEMPLATES, type Template } from "./init-project.ts";
import { applicableKinds, writeSchemas } from "./schema.ts";

export type Options = GlobalOptions & {
  readonly dir: string;
  readonly template?: Template;
  readonly model?: string;
  readonly yes?: boolean;
  readonly force?: boolean;
};

export function newInitCommand(deps: Deps, run = init): Command {
  const template = new Option(
    "--template <name>",
    "what the project begins as: assistant, which works alone, or editor",
  );
  return newLeaf(
    "init",
    "Finds models on this machine, writes a small project and starts the local daemon. Overwrites nothing without asking.",
  )
    .argument("[dir]", "folder of the project", ".")
    .option("--dir <folder>", "the same as an option")
    .addOption(template.choices(TEMPLATES))
    .option("--model <model>", "default model to set, as provider/model; nothing else is asked")
    .option("-y, --yes", "ask nothing: take the first model of this machine, where there is one and none is set")
    .option("--force", "overwrite files that are there")
    .action((dir: string, _, command: Command) => run(deps, { dir, ...optionsOf<Partial<Options>>(command) }));
}

/** Nothing external is set without a yes: an answer on a terminal, or a model that `--model` names. */
export async function init(deps: Deps, options: Options): Promise<void> {
  const format = formatOf(options.output, { isTTY: deps.stdout.isTTY, allowed: ["table", "json"] });
  const { dir, template = "assistant" } = options;
  const folder = resolve(deps.cwd, dir);
  const installed = await isInstalled(INSTALLED.command, deps.env.PATH ?? "");
  const files = projectFiles(template, installed ? INSTALLED : FROM_NPM);
  const overwrite = await mayOverwrite(deps, { ...options, there: await filesThere(folder, files) });
  const found = await findModels(deps);
  const choice = await choiceOf(deps, { ...options, found, silent: format === "json" });
  await writeProject(folder, files, { overwrite });
  const schemas = await writeSchemas(join(folder, SCHEMAS), applicableKinds());
  const settings = choice ? await configure(deps, choice) : [];
  const names = [...Object.keys(files), ...schemas.map((name) => join(SCHEMAS, name))].map((name) => join(dir, name));
  if (format === "json") await deps.stdout.write(formatJson({ dir: folder, files: names, found, settings }));
  else await deps.stdout.write([...names.map((name) => `wrote ${name}\n`), ...settings.map(settingLine)].join(""));
  await using _backend = await openBackend(deps, options);
  await deps.stderr.write(nextSteps({ dir, template, isModelSet: await isModelSet(deps) }));
}

type There = Options & { readonly there: readonly string[] };

async function mayOverwrite(deps: Deps, { dir, force, there }: There): Promise<boolean> {
  if (there.length === 0) return false;
  const names = there.map((name) => join(dir, name)).join(", ");
  if (force) return true;
  if (!deps.stdin.isTTY || !deps.stderr.isTTY) {
    const next = "nothing was written; choose another folder: stigmer init <dir>, or overwrite them with --force";
    throw failed(`there already: ${names}`, next);
  }
  await confirm(deps, `there already: ${names}; overwrite?`, false);
  return true;
}

type Choosing = Options & { readonly found: Found; readonly silent: boolean };

async function choiceOf(deps: Deps, { model, yes, found, silent }: Choosing): Promise<Choice | undefined> {
  if (model !== undefined) return namedChoice(model, found);
  const choices = choicesOf(found);
  if (choices.length === 0 || (await isModelSet(deps))) return undefined;
  if (yes) return choices.find(({ isExternal }) => !isExternal);
  const isAsked = !silent && deps.stdin.isTTY && deps.stderr.isTTY;
  return isAsked ? await chooseModel(deps, choices) : undefined;
}

/** Sets the model and what it needs; returns what was set, as `key=value`. */
async function configure(deps: Deps, { model, settings }: Choice): Promise<readonly string[]> {
  const { config: path } = homeOf(deps);
  const config = await readConfig(path);
  const all = [{ key: "model", value: model }, ...settings];
  for (const { key, value } of all) {
    const { path: at, parse } = keyOf(key);
    setSetting(config, at, parse(value));
  }
  await writeConfig(path, config);
  return all.map(({ key, value }) => `${key}=${value}`);
}

function settingLine(setting: string): string {
  const at = setting.indexOf("=");
  return `set ${setting.slice(0, at)} to ${setting.slice(at + 1)}\n`;
}

async function isModelSet(deps: Deps): Promise<boolean> {
  return typeof getSetting(await readConfig(homeOf(deps).config), ["model"]) === "string";
}

type Written = { readonly dir: string; readonly template: Template; readonly isModelSet: boolean };

function nextSteps({ dir, template, isModelSet }: Written): string {
  const model = isModelSet
    ? []
    : [
        "no model is configured yet; choose one:",
        "  stigmer config set model openai/gpt-5    (reads the key from OPENAI_API_KEY)",
        "  stigmer config set model ollama/qwen3    (a model on this machine, without a key)",
      ];
  const manifests = template === "editor" ? `${dir}` : join(dir, "agent.yaml");
  const message = template === "editor" ? "what is in this folder?" : "hello";
  const steps = [
    "next:",
    "  stigmer doctor",
    `  stigmer apply -f ${manifests}`,
    `  stigmer agent execute ${template} "${message}"`,
    `  stigmer chat ${template}`,
    "or an agent of your own:",
    '  stigmer agent create my-agent --instructions "You answer in one sentence."',
    '  stigmer agent execute my-agent "hello"',
  ];
  return `${[...model, ...steps].join("\n")}\n`;
}
