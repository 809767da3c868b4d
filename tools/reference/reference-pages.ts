import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { type ContractKind, readContract } from "../contract.ts";
import { errorsPage } from "./errors-page.ts";
import { indexPage } from "./index-page.ts";
import { kindPage } from "./kind-page.ts";
import { page } from "./markdown-text.ts";
import { methodsTable } from "./methods-table.ts";
import { ERRORS_PATH, placesOf, type ServicePage } from "./places.ts";
import { type Context, typeSections } from "./type-sections.ts";

/**
 * The pages of the reference as text by path below `docs/reference`. Fails where the contract leaves something
 * unsaid: a part without a comment, a rule that there are no words for, a reason without code or advice, a kind of
 * users' without an example.
 */
export async function referencePages(root: string): Promise<ReadonlyMap<string, string>> {
  const contract = await readContract(root);
  const places = placesOf(contract);
  const context: Context = { contract, places };
  const ofKinds = places.kinds.map(async (place) => {
    const text = kindPage(place, await exampleOf(place.kind, root), context);
    return [place.path, text] as const;
  });
  return new Map([
    ["README.md", indexPage(context)],
    ...(await Promise.all(ofKinds)),
    ...places.services.map((place) => [place.path, servicePage(place, context)] as const),
    [ERRORS_PATH, errorsPage(contract)],
    [places.shared.path, sharedPage(context)],
  ]);
}

async function exampleOf({ options, message }: ContractKind, root: string): Promise<string | undefined> {
  if (options.managed !== "MANAGED_USER") return undefined;
  const [, , , folder = ""] = message.typeName.split(".");
  const path = `examples/resources/${folder}.yaml`;
  return readFile(join(root, path), "utf8").catch(() => {
    throw new Error(`the kind ${options.kind} has no example: write ${path}`);
  });
}

function servicePage(place: ServicePage, context: Context): string {
  const { service, types } = place;
  return page(
    `# ${service.name}`,
    methodsTable(service, place, context),
    types.length === 0 ? "" : "## Messages",
    typeSections(types, place, context),
  );
}

function sharedPage(context: Context): string {
  const { shared } = context.places;
  const packages = Map.groupBy(shared.types, ({ file }) => file.proto.package);
  return page(
    "# Shared types",
    "What several pages need, and what the contract's own machinery reads.",
    ...[...packages].flatMap(([name, types]) => [`## ${name}`, typeSections(types, shared, context)]),
  );
}
