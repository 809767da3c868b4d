import type { Command } from "commander";
import { openBackend } from "../backend/open-backend.ts";
import { type GlobalOptions, newLeaf, optionsOf } from "../command-line.ts";
import type { Deps } from "../deps.ts";
import { misused } from "../failure.ts";
import { metadataOf } from "../kinds/columns.ts";
import { allKinds, findKind } from "../kinds/kinds.ts";
import { resourceArgument } from "../kinds/resource-argument.ts";
import { printResource } from "../kinds/resource-printer.ts";
import { getResource, isId } from "../kinds/resources.ts";
import { type SelectionOptions, withListing } from "../kinds/selection.ts";
import { formatOf } from "../output/format.ts";
import { showSelected } from "./list.ts";

export type Options = GlobalOptions & SelectionOptions & { readonly kind: string; readonly name?: string | undefined };

export function newGetCommand(deps: Deps, run = get): Command {
  return withListing(newLeaf("get", "Shows one resource, or without a name those that are selected."))
    .argument("<kind>", "kind of the resource, or kind/name")
    .argument("[name]", "its name or id; name@tag or name@sha256:… shows it as that revision was")
    .action((kind: string, name: string | undefined, _, command: Command) =>
      run(deps, { ...optionsOf<GlobalOptions>(command), kind, name }),
    );
}

export async function get(deps: Deps, options: Options): Promise<void> {
  const format = formatOf(options.output, deps.stdout);
  if (options.name === undefined && !options.kind.includes("/")) {
    const kind = findKind(allKinds(), options.kind);
    await using backend = await openBackend(deps, options);
    return await showSelected(deps, backend, { kind, format, options });
  }
  const { kind, reference } = resourceArgument(options.kind, options.name);
  const { selector, filter, limit, showDeleted, watch } = options;
  if (selector ?? filter ?? limit)
    throw misused(
      "one resource is named, so nothing is left to select",
      "leave out the name, or -l, --filter and --limit",
    );
  if (watch && reference.revision)
    throw misused("a revision never changes, so there is nothing to watch", "leave out --watch");
  await using backend = await openBackend(deps, options);
  const of = { kind, reference, showDeleted };
  if (!watch) {
    return await printResource(deps, kind, await getResource(backend.client(), of, { signal: deps.interrupt }), format);
  }
  const name = isId(kind, reference.name)
    ? metadataOf(await getResource(backend.client(), of, { signal: deps.interrupt })).name
    : reference.name;
  const selected = { watch, filter: `metadata.name = ${JSON.stringify(name)}` };
  await showSelected(deps, backend, { kind, format, options: selected });
}
