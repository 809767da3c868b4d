import type { Command } from "commander";
import { openBackend } from "../backend/open-backend.ts";
import { type GlobalOptions, newLeaf, optionsOf } from "../command-line.ts";
import type { Deps } from "../deps.ts";
import { misused } from "../failure.ts";
import { metadataOf, nameOf } from "../kinds/columns.ts";
import { requireVerb } from "../kinds/kinds.ts";
import { resourceArgument } from "../kinds/resource-argument.ts";
import { changeResource, getResource, isId } from "../kinds/resources.ts";
import { formatOf } from "../output/format.ts";
import { printJson } from "../output/print-json.ts";
import { printableLine } from "../output/printable.ts";

export type Options = GlobalOptions & {
  readonly kind: string;
  readonly name?: string | undefined;
  readonly tag: string;
};

export function newTagCommand(deps: Deps, run = tag): Command {
  return newLeaf("tag", "Gives a revision of a resource a name. The name moves where another revision has it.")
    .argument("<kind>", "kind of the resource, or kind/name")
    .argument(
      "<words...>",
      "its name or id, with @tag or @sha256:… where not the current revision is meant; then the tag",
    )
    .usage("[options] <kind> <name>[@revision] <tag>")
    .action((kind: string, words: string[], _, command: Command) => {
      const options = optionsOf<GlobalOptions>(command);
      return run(deps, { ...options, kind, ...namesOf(kind, words) });
    });
}

const TAG = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,62}$/;

export async function tag(deps: Deps, options: Options): Promise<void> {
  const { kind, reference } = resourceArgument(options.kind, options.name);
  requireVerb(kind, "TAG", "tagged");
  if (!TAG.test(options.tag)) {
    throw misused(`"${options.tag}" is no tag`, "a tag has up to 63 letters, digits, points, hyphens and underscores");
  }
  const format = formatOf(options.output, deps.stdout);
  await using backend = await openBackend(deps, options);
  const call = { signal: deps.interrupt };
  const current = { kind, reference: { name: reference.name, revision: "" } };
  const id = isId(kind, reference.name)
    ? reference.name
    : metadataOf(await getResource(backend.client(), current, call)).id;
  const request = { id, tag: options.tag, ...(reference.revision && { revision: reference.revision }) };
  const tagged = await changeResource(backend.client(), kind, { verb: "TAG", action: "tagged", request, ...call });
  if (format === "json" || format === "yaml") return await printJson(deps, tagged, format);
  const name = `${nameOf(kind, tagged)}@${options.tag}`;
  await deps.stdout.write(`${printableLine(format === "name" ? name : `${name} ${revisionOf(tagged)}`.trim())}\n`);
}

function namesOf(kind: string, words: readonly string[]): { readonly name?: string; readonly tag: string } {
  const wanted = kind.includes("/") ? 1 : 2;
  const [first = "", second = ""] = words;
  if (words.length === wanted) return wanted === 1 ? { tag: first } : { name: first, tag: second };
  const message = words.length < wanted ? "the tag is missing" : `"${words[wanted]}" is one word too many`;
  throw misused(message, "write it so: stigmer tag <kind> <name>[@revision] <tag>");
}

function revisionOf({ status }: Readonly<Record<string, unknown>>): string {
  const { revision } = (status ?? {}) as { readonly revision?: unknown };
  return typeof revision === "string" ? revision : "";
}
