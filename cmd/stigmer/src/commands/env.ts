import type { Command } from "commander";
import { collect, type GlobalOptions, newGroup, newLeaf, optionsOf } from "../command-line.ts";
import type { Deps } from "../deps.ts";
import { type SelectionOptions, withListing } from "../kinds/selection.ts";
import { type GetOptions, get } from "./env-get.ts";
import { type ImportOptions, importFile } from "./env-import.ts";
import { rotateKey } from "./env-rotate-key.ts";
import { type SetOptions, set, type UnsetOptions, unset } from "./env-set.ts";
import { type SecretOptions, setSecret } from "./env-set-secret.ts";
import { list } from "./list.ts";

type Runs = {
  readonly list: (deps: Deps, options: GlobalOptions & SelectionOptions) => Promise<void>;
  readonly get: (deps: Deps, options: GetOptions) => Promise<void>;
  readonly set: (deps: Deps, options: SetOptions) => Promise<void>;
  readonly unset: (deps: Deps, options: UnsetOptions) => Promise<void>;
  readonly setSecret: (deps: Deps, options: SecretOptions) => Promise<void>;
  readonly importFile: (deps: Deps, options: ImportOptions) => Promise<void>;
  readonly rotateKey: (deps: Deps, options: GlobalOptions) => Promise<void>;
};

const RUNS: Runs = {
  list: (deps, options) => list(deps, { ...options, kind: "environment" }),
  ...{ get, set, unset, setSecret, importFile, rotateKey },
};

const ENVIRONMENT = "name of the environment";

export function newEnvCommand(deps: Deps, run: Runs = RUNS): Command {
  return newGroup("env", "Keeps the variables and secrets that agents and tool servers receive.", [
    withListing(newLeaf("list", "Shows environments.")).action((_, command: Command) =>
      run.list(deps, optionsOf<GlobalOptions & SelectionOptions>(command)),
    ),
    newLeaf("get", "Shows what an environment holds; of secrets only their names.")
      .argument("<environment>", ENVIRONMENT)
      .action((name: string, _, command: Command) => run.get(deps, { ...optionsOf<GlobalOptions>(command), name })),
    ...changes(deps, run),
    newLeaf("rotate-key", "Puts a new master key in the place of the one that seals secrets.").action(
      (_, command: Command) => run.rotateKey(deps, optionsOf<GlobalOptions>(command)),
    ),
  ]);
}

function changes(deps: Deps, run: Runs): Command[] {
  return [
    newLeaf("set", "Sets variables that are no secrets; makes the environment where there is none.")
      .argument("<environment>", ENVIRONMENT)
      .argument("<values...>", "NAME=value, as many as there are")
      .action((name: string, values: string[], _, command: Command) =>
        run.set(deps, { ...optionsOf<GlobalOptions>(command), name, values }),
      ),
    newLeaf("unset", "Removes variables and secrets.")
      .argument("<environment>", ENVIRONMENT)
      .argument("<names...>", "names of variables or secrets")
      .action((name: string, names: string[], _, command: Command) =>
        run.unset(deps, { ...optionsOf<GlobalOptions>(command), name, names }),
      ),
    newLeaf("set-secret", "Sets a secret: asks for its value without showing it, or reads standard input or a file.")
      .argument("<environment>", ENVIRONMENT)
      .argument("<name>", "name of the variable")
      .option("--from-file <file>", "read the value from this file, without the line end there")
      .option("--force-short", "take a value of fewer than 8 bytes, which can't be masked well")
      .action((name: string, variable: string, _, command: Command) =>
        run.setSecret(deps, { ...optionsOf<GlobalOptions>(command), name, variable }),
      ),
    newLeaf("import", "Sets all that a .env file says, as secrets unless told.")
      .argument("<environment>", ENVIRONMENT)
      .argument("[file]", "the file; .env unless told, - for standard input")
      .option("--plain <name>", "this one is no secret; repeatable", collect)
      .option("--force-short", "take secrets of fewer than 8 bytes, which can't be masked well")
      .action((name: string, file: string | undefined, _, command: Command) =>
        run.importFile(deps, { ...optionsOf<GlobalOptions>(command), name, file: file ?? ".env" }),
      ),
  ];
}
