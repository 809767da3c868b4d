import type { Command } from "commander";
import { openBackend } from "../backend/open-backend.ts";
import { type GlobalOptions, newLeaf, optionsOf } from "../command-line.ts";
import type { Deps } from "../deps.ts";
import { resourceArgument } from "../kinds/resource-argument.ts";
import { printResource } from "../kinds/resource-printer.ts";
import { getResource } from "../kinds/resources.ts";
import { formatOf } from "../output/format.ts";

export type Options = GlobalOptions & { readonly kind: string; readonly name?: string | undefined };

export function newGetCommand(deps: Deps, run = get): Command {
  return newLeaf("get", "Shows one resource.")
    .argument("<kind>", "kind of the resource, or kind/name")
    .argument("[name]", "its name or id")
    .action((kind: string, name: string | undefined, _, command: Command) =>
      run(deps, { ...optionsOf<GlobalOptions>(command), kind, name }),
    );
}

export async function get(deps: Deps, options: Options): Promise<void> {
  const { kind, name } = resourceArgument(options.kind, options.name);
  const format = formatOf(options.output, deps.stdout);
  await using backend = await openBackend(deps, options);
  const resource = await getResource(backend.client(), kind, name, { signal: deps.interrupt });
  await printResource(deps, kind, resource, format);
}
