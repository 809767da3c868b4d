import type { JsonObject } from "@bufbuild/protobuf";
import { type Command, Option } from "commander";
import { type Backend, openBackend } from "../backend/open-backend.ts";
import { type GlobalOptions, newLeaf, optionsOf } from "../command-line.ts";
import type { Deps } from "../deps.ts";
import { printChanged } from "../kinds/changed.ts";
import { metadataOf, nameOf, type Resource } from "../kinds/columns.ts";
import { type Kind, requireVerb } from "../kinds/kinds.ts";
import { currentArgument } from "../kinds/resource-argument.ts";
import { changeResource, getResource } from "../kinds/resources.ts";
import { confirm } from "../output/confirm.ts";
import { formatOf } from "../output/format.ts";

const RUNNING = ["refuse", "cancel", "leave"] as const;

export type Options = GlobalOptions & {
  readonly kind: string;
  readonly name?: string | undefined;
  readonly yes?: boolean;
  readonly running?: (typeof RUNNING)[number];
  readonly orphan?: boolean;
  readonly purge?: boolean;
};

export function newDeleteCommand(deps: Deps, run = remove): Command {
  const running = new Option(
    "--running <policy>",
    "what to do about executions that are not finished; refuse unless told",
  );
  return newLeaf(
    "delete",
    "Removes a resource for 30 days, during which undelete brings it back and its name stays taken.",
  )
    .argument("<kind>", "kind of the resource, or kind/name")
    .argument("[name]", "its name or id")
    .addOption(running.choices(RUNNING))
    .option("--orphan", "keep the resources that this one alone owns, instead of deleting them too")
    .option("--purge", "remove it for good, with its revisions, also where it is deleted already; frees its name")
    .option("-y, --yes", "do not ask")
    .action((kind: string, name: string | undefined, _, command: Command) =>
      run(deps, { ...optionsOf<GlobalOptions>(command), kind, name }),
    );
}

export async function remove(deps: Deps, options: Options): Promise<void> {
  const { kind, reference } = currentArgument(options.kind, options.name);
  requireVerb(kind, "DELETE", "deleted");
  if (options.purge) requireVerb(kind, "PURGE", "purged");
  const format = formatOf(options.output, deps.stdout);
  await using backend = await openBackend(deps, options);
  const of = { kind, reference, showDeleted: options.purge };
  const found = await getResource(backend.client(), of, { signal: deps.interrupt });
  const question = options.purge
    ? `delete ${nameOf(kind, found)} for good? it can't be brought back`
    : `delete ${nameOf(kind, found)}?`;
  await confirm(deps, question, options.yes);
  const gone = await removeFound(deps, backend, { kind, found, options });
  await printChanged(deps, { kind, resource: gone, done: options.purge ? "purged" : "deleted", format });
}

async function removeFound(
  deps: Deps,
  backend: Backend,
  of: { readonly kind: Kind; readonly found: Resource; readonly options: Options },
): Promise<Resource> {
  const { kind, found, options } = of;
  const { id, deleteTime } = metadataOf(found);
  const call = { signal: deps.interrupt };
  const deletion = { verb: "DELETE", action: "deleted", request: { id, ...policiesOf(options) }, ...call } as const;
  const deleted = deleteTime ? found : await changeResource(backend.client(), kind, deletion);
  if (!options.purge) return deleted;
  return await changeResource(backend.client(), kind, { verb: "PURGE", action: "purged", request: { id }, ...call });
}

function policiesOf({ running, orphan }: Options): JsonObject {
  return {
    ...(running && { running: `RUNNING_POLICY_${running.toUpperCase()}` }),
    ...(orphan && { dependents: "DEPENDENTS_POLICY_ORPHAN" }),
  };
}
