import { Verb } from "@stigmer/contracts/commons";
import type { Command } from "commander";
import { openBackend } from "../backend/open-backend.ts";
import { type GlobalOptions, newLeaf, optionsOf } from "../command-line.ts";
import type { Deps } from "../deps.ts";
import { metadataOf, nameOf } from "../kinds/columns.ts";
import { requireMethod } from "../kinds/kinds.ts";
import { resourceArgument } from "../kinds/resource-argument.ts";
import { printMessage } from "../kinds/resource-printer.ts";
import { deleteResource, getResource } from "../kinds/resources.ts";
import { confirm } from "../output/confirm.ts";
import { formatOf } from "../output/format.ts";

export type Options = GlobalOptions & {
  readonly kind: string;
  readonly name?: string | undefined;
  readonly yes?: boolean;
};

export function newDeleteCommand(deps: Deps, run = remove): Command {
  return newLeaf("delete", "Removes a resource.")
    .argument("<kind>", "kind of the resource, or kind/name")
    .argument("[name]", "its name or id")
    .option("-y, --yes", "do not ask")
    .action((kind: string, name: string | undefined, _, command: Command) =>
      run(deps, { ...optionsOf<GlobalOptions>(command), kind, name }),
    );
}

export async function remove(deps: Deps, options: Options): Promise<void> {
  const { kind, name } = resourceArgument(options.kind, options.name);
  requireMethod(kind, Verb.DELETE, "deleted");
  const format = formatOf(options.output, deps.stdout);
  await using backend = await openBackend(deps, options);
  const call = { signal: deps.interrupt };
  const found = await getResource(backend.client(), kind, name, call);
  await confirm(deps, `delete ${nameOf(kind, found)}?`, options.yes);
  const deleted = await deleteResource(backend.client(), kind, metadataOf(found).id, call);
  if (format === "json" || format === "yaml") return await printMessage(deps, kind.schema, deleted, format);
  await deps.stdout.write(`${nameOf(kind, deleted)}${format === "name" ? "" : " deleted"}\n`);
}
