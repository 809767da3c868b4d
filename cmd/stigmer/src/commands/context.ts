import type { Command } from "commander";
import { homeOf } from "../backend/home.ts";
import { type GlobalOptions, newGroup, newLocalLeaf, optionsOf } from "../command-line.ts";
import { type Context, contextsIn } from "../config/context-settings.ts";
import { contextOf, LOCAL, unknownContext } from "../config/contexts.ts";
import { readConfig, setSetting, unsetSetting, writeConfig } from "../config/file.ts";
import { keyOf } from "../config/keys.ts";
import type { Deps } from "../deps.ts";
import { failed, misused } from "../failure.ts";
import { type Format, formatOf } from "../output/format.ts";
import { printJson } from "../output/print-json.ts";
import { formatDelimited, formatTable } from "../output/table.ts";

export type NameOptions = GlobalOptions & { readonly name: string };
export type SetOptions = NameOptions & { readonly url?: string; readonly org?: string };

type Runs = {
  readonly list: (deps: Deps, options: GlobalOptions) => Promise<void>;
  readonly show: (deps: Deps, options: GlobalOptions) => Promise<void>;
  readonly use: (deps: Deps, options: NameOptions) => Promise<void>;
  readonly set: (deps: Deps, options: SetOptions) => Promise<void>;
  readonly remove: (deps: Deps, options: NameOptions) => Promise<void>;
};

export function newContextCommand(deps: Deps, run: Runs = { list, show, use, set, remove }): Command {
  const named = (name: string, description: string, act: Runs["use"]): Command =>
    newLocalLeaf(name, description)
      .argument("<context>", `name of the context; ${LOCAL} is this machine's daemon`)
      .action((word: string, _, command: Command) => act(deps, { ...optionsOf<GlobalOptions>(command), name: word }));
  return newGroup("context", "Names backends, and chooses which one commands talk to.", [
    newLocalLeaf("list", "Shows the contexts; a star marks the chosen one.").action((_, command: Command) =>
      run.list(deps, optionsOf<GlobalOptions>(command)),
    ),
    newLocalLeaf("show", "Says which context is chosen.").action((_, command: Command) =>
      run.show(deps, optionsOf<GlobalOptions>(command)),
    ),
    named("use", "Chooses a context.", run.use),
    named("set", "Makes a context, or changes what is given of it.", run.set)
      .option("--url <url>", "where the backend is; required for a new one")
      .option("--org <name>", "organization that calls are made for"),
    named("delete", "Forgets a context.", run.remove),
  ]);
}

const HERE: Context = { name: LOCAL, url: "", org: "" };

async function list(deps: Deps, options: GlobalOptions): Promise<void> {
  const { contexts, chosen = LOCAL } = await contextsIn(homeOf(deps).config);
  await print(deps, [HERE, ...contexts], { chosen, format: formatFor(deps, options), isList: true });
}

async function show(deps: Deps, options: GlobalOptions): Promise<void> {
  const found = (await contextOf(homeOf(deps).config, { asked: options.context, env: deps.env })) ?? HERE;
  await print(deps, [found], { chosen: found.name, format: formatFor(deps, options), isList: false });
}

async function use(deps: Deps, { name }: NameOptions): Promise<void> {
  const { config } = homeOf(deps);
  const { contexts } = await contextsIn(config);
  const isKnown = name === LOCAL || contexts.some((context) => context.name === name);
  if (!isKnown) throw unknownContext(name, contexts);
  const document = await readConfig(config);
  if (name === LOCAL) unsetSetting(document, ["context"]);
  else setSetting(document, ["context"], name);
  await writeConfig(config, document);
  await deps.stdout.write(`context ${name}\n`);
}

async function set(deps: Deps, { name, url, org }: SetOptions): Promise<void> {
  if (name === LOCAL) throw misused(`${LOCAL} is this machine's daemon`, "choose another name");
  const { config } = homeOf(deps);
  const known = (await contextsIn(config)).contexts.find((context) => context.name === name);
  if (url === undefined && !known)
    throw misused("a new context needs its --url", `stigmer context set ${name} --url <url>`);
  const document = await readConfig(config);
  for (const [field, value] of Object.entries({ url, org })) {
    if (value === undefined) continue;
    const { path, parse } = keyOf(`contexts.${name}.${field}`);
    setSetting(document, path, parse(value));
  }
  await writeConfig(config, document);
  await deps.stdout.write(`context ${name} set\n`);
}

async function remove(deps: Deps, { name }: NameOptions): Promise<void> {
  const { config } = homeOf(deps);
  const { contexts, chosen } = await contextsIn(config);
  if (name === LOCAL) throw misused(`${LOCAL} is this machine's daemon, and can't be forgotten`, "choose another");
  if (!contexts.some((context) => context.name === name)) throw unknownContext(name, contexts);
  if (chosen === name)
    throw failed(`the context ${name} is the chosen one`, "choose another first: stigmer context use local");
  const document = await readConfig(config);
  for (const field of ["url", "org"]) unsetSetting(document, ["contexts", name, field]);
  await writeConfig(config, document);
  await deps.stdout.write(`context ${name} deleted\n`);
}

function formatFor(deps: Deps, options: GlobalOptions): Format {
  return formatOf(options.output, { isTTY: deps.stdout.isTTY, allowed: ["table", "json", "yaml", "name"] });
}

async function print(
  deps: Deps,
  contexts: readonly Context[],
  of: { readonly chosen: string; readonly format: Format; readonly isList: boolean },
): Promise<void> {
  const { chosen, format, isList } = of;
  if (format === "json" || format === "yaml") {
    const facts = contexts.map((context) => ({ ...context, current: context.name === chosen }));
    return await printJson(deps, isList ? { contexts: facts } : facts[0], format);
  }
  if (format === "name") return await deps.stdout.write(contexts.map(({ name }) => `${name}\n`).join(""));
  const rows = contexts.map(({ name, url, org }) => [name === chosen ? "*" : " ", name, url, org]);
  const text =
    format === "delimited" ? rows.map(formatDelimited).join("") : formatTable(["current", "name", "url", "org"], rows);
  await deps.stdout.write(text);
}
