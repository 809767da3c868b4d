import type { Command } from "commander";
import { homeOf } from "../backend/home.ts";
import { type GlobalOptions, newGroup, newLocalLeaf, optionsOf } from "../command-line.ts";
import { allSettings, getSetting, readConfig, setSetting, unsetSetting, writeConfig } from "../config/file.ts";
import { keyOf, RULES } from "../config/keys.ts";
import type { Deps } from "../deps.ts";
import { failed } from "../failure.ts";
import { type Format, formatOf } from "../output/format.ts";
import { formatJson } from "../output/structured.ts";
import { formatDelimited, formatTable } from "../output/table.ts";
import { formatYaml } from "../output/yaml.ts";

export type KeyOptions = GlobalOptions & { readonly key: string };
export type SetOptions = KeyOptions & { readonly value: string };

type Runs = {
  readonly get: (deps: Deps, options: KeyOptions) => Promise<void>;
  readonly set: (deps: Deps, options: SetOptions) => Promise<void>;
  readonly unset: (deps: Deps, options: KeyOptions) => Promise<void>;
  readonly list: (deps: Deps, options: GlobalOptions) => Promise<void>;
};

const SETTINGS = `\nSettings:\n${RULES.map(({ pattern, meaning }) => `  ${pattern.padEnd(28)}${meaning}`).join("\n")}\n`;

export function newConfigCommand(deps: Deps, run: Runs = { get, set, unset, list }): Command {
  const group = newGroup(
    "config",
    "Reads and changes config.yaml in the home folder. A running daemon reads it again by itself.",
    [
      newLocalLeaf("get", "Says the value of a setting.")
        .argument("<key>", "setting, such as model")
        .action((key: string, _, command: Command) => run.get(deps, { ...optionsOf<GlobalOptions>(command), key })),
      newLocalLeaf("set", "Changes a setting; everything else in the file stays as it is.")
        .argument("<key>", "setting, such as model")
        .argument("<value>", "its value")
        .action((key: string, value: string, _, command: Command) =>
          run.set(deps, { ...optionsOf<GlobalOptions>(command), key, value }),
        ),
      newLocalLeaf("unset", "Removes a setting.")
        .argument("<key>", "setting, such as model")
        .action((key: string, _, command: Command) => run.unset(deps, { ...optionsOf<GlobalOptions>(command), key })),
      newLocalLeaf("list", "Shows the settings that are set.").action((_, command: Command) =>
        run.list(deps, optionsOf<GlobalOptions>(command)),
      ),
    ],
  );
  return group.addHelpText("after", SETTINGS);
}

export async function get(deps: Deps, options: KeyOptions): Promise<void> {
  const { path } = keyOf(options.key);
  const format = configFormat(deps, options);
  const value = getSetting(await readConfig(homeOf(deps).config), path);
  if (value === undefined || value === null) {
    throw failed(`${options.key} is not set`, `set it: stigmer config set ${options.key} <value>`);
  }
  await deps.stdout.write(format === "json" ? formatJson(value) : format === "yaml" ? formatYaml(value) : `${value}\n`);
}

export async function set(deps: Deps, options: SetOptions): Promise<void> {
  const { path, parse } = keyOf(options.key);
  const value = parse(options.value);
  const home = homeOf(deps);
  const config = await readConfig(home.config);
  setSetting(config, path, value);
  await writeConfig(home.config, config);
  await sayRestart(deps, options.key);
}

/** Removing what is not set changes nothing and is no error. */
export async function unset(deps: Deps, options: KeyOptions): Promise<void> {
  const { path } = keyOf(options.key);
  const home = homeOf(deps);
  const config = await readConfig(home.config);
  if (!unsetSetting(config, path)) return void (await deps.stderr.write(`${options.key} was not set\n`));
  await writeConfig(home.config, config);
  await sayRestart(deps, options.key);
}

export async function list(deps: Deps, options: GlobalOptions): Promise<void> {
  const format = configFormat(deps, options);
  const settings = allSettings(await readConfig(homeOf(deps).config));
  if (format === "json" || format === "yaml") {
    const object = Object.fromEntries(settings);
    return await deps.stdout.write(format === "json" ? formatJson(object) : formatYaml(object));
  }
  const rows = settings.map(([key, value]) => [key, String(value)]);
  await deps.stdout.write(
    format === "table" ? formatTable(["key", "value"], rows) : rows.map(formatDelimited).join(""),
  );
}

function configFormat(deps: Deps, options: GlobalOptions): Format {
  return formatOf(options.output, { isTTY: deps.stdout.isTTY, allowed: ["table", "json", "yaml"] });
}

/** What a running daemon has read once and for all. */
const AT_START = new Set(["port", "runner.slots", "runner.leaseDuration"]);

async function sayRestart(deps: Deps, key: string): Promise<void> {
  if (AT_START.has(key)) await deps.stderr.write("counts from the daemon's next start: stigmer local restart\n");
}
