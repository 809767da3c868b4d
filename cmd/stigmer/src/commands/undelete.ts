import type { Command } from "commander";
import { openBackend } from "../backend/open-backend.ts";
import { type GlobalOptions, newLeaf, optionsOf } from "../command-line.ts";
import type { Deps } from "../deps.ts";
import { failed } from "../failure.ts";
import { printChanged } from "../kinds/changed.ts";
import { metadataOf, nameOf } from "../kinds/columns.ts";
import { requireVerb } from "../kinds/kinds.ts";
import { currentArgument } from "../kinds/resource-argument.ts";
import { changeResource, getResource, isId } from "../kinds/resources.ts";
import { formatOf } from "../output/format.ts";

export type Options = GlobalOptions & { readonly kind: string; readonly name?: string | undefined };

export function newUndeleteCommand(deps: Deps, run = undelete): Command {
  return newLeaf("undelete", "Brings a deleted resource back, with what was deleted together with it.")
    .argument("<kind>", "kind of the resource, or kind/name")
    .argument("[name]", "its name or id; stigmer list <kind> --show-deleted shows both")
    .action((kind: string, name: string | undefined, _, command: Command) =>
      run(deps, { ...optionsOf<GlobalOptions>(command), kind, name }),
    );
}

export async function undelete(deps: Deps, options: Options): Promise<void> {
  const { kind, reference } = currentArgument(options.kind, options.name);
  requireVerb(kind, "UNDELETE", "brought back");
  const format = formatOf(options.output, deps.stdout);
  await using backend = await openBackend(deps, options);
  const call = { signal: deps.interrupt };
  let id = reference.name;
  if (!isId(kind, id)) {
    const found = await getResource(backend.client(), { kind, reference, showDeleted: true }, call);
    if (!metadataOf(found).deleteTime) throw failed(`${nameOf(kind, found)} is not deleted`, "nothing was done");
    id = metadataOf(found).id;
  }
  const change = { verb: "UNDELETE", action: "brought back", request: { id }, ...call } as const;
  const resource = await changeResource(backend.client(), kind, change);
  await printChanged(deps, { kind, resource, done: "undeleted", format });
}
