import { page, prose, table } from "./markdown-text.ts";
import { methodsTable } from "./methods-table.ts";
import type { KindPage } from "./places.ts";
import { type Context, commentOf, fieldsTable, typeSections } from "./type-sections.ts";

const OPTIONS = "ai.stigmer.commons.apiresource.v1";
/** What a filter may use of every kind. */
const ALWAYS = ["`metadata.name`", "`metadata.createTime`", "`metadata.updateTime`", "`metadata.createdBy`"];

/** What a kind is, its fields, and what can be done with it. `example` is a manifest, where users write one. */
export function kindPage(of: KindPage, example: string | undefined, context: Context): string {
  const { kind, types } = of;
  const { message, options } = kind;
  const calls = of.services.flatMap(({ methods }) => methods.flatMap(({ input, output }) => [input, output]));
  const named = new Set(calls.map(({ typeName }) => typeName));
  const [ofCalls = [], ofResource = []] = [true, false].map((isOfCall) =>
    types.filter((type) => type !== message && named.has(type.typeName) === isOfCall),
  );
  return page(
    `# ${options.kind}`,
    commentOf(message.typeName, context),
    facts(of, context),
    example === undefined ? "" : `## Example\n\n\`\`\`yaml\n${example.trimEnd()}\n\`\`\``,
    "## Fields",
    fieldsTable(message, of, context),
    typeSections(ofResource, of, context),
    "## Columns and filters",
    columnsAndFilters(of),
    "## Verbs",
    of.services.map((service) => methodsTable(service, of, context)).join("\n\n"),
    alsoServed(of, context),
    "## Requests and answers",
    typeSections(ofCalls, of, context),
  );
}

function facts({ kind: { message, options } }: KindPage, context: Context): string {
  const [, , group = ""] = message.typeName.split(".");
  const { plural, shortNames = [], idPrefix, managed, scope, revisions } = options;
  const rows = [
    ["`apiVersion`", `\`${group}.stigmer.ai/v1\``],
    ["names in commands", [plural, ...shortNames].map((name) => `\`${name}\``).join(", ")],
    ["ids", `\`${idPrefix}_\` and a ULID`],
    ["names of resources", prose(commentOf(`${OPTIONS}.Scope.${scope}`, context))],
    ["who makes it", prose(commentOf(`${OPTIONS}.Managed.${managed}`, context))],
    ["revisions", revisions ? "every applied spec is kept, and can be named by digest or tag" : "not kept"],
  ];
  return table(["", ""], rows);
}

function columnsAndFilters({ kind: { options } }: KindPage): string {
  const { columns = [], filterFields = [] } = options;
  const shown = ["name", ...columns.map(({ name, path }) => `${name} (\`${path}\`)`)].join(", ");
  const fields = [...filterFields.map((path) => `\`${path}\``), ...ALWAYS].join(", ");
  return `A table of ${options.plural} shows ${shown} and age.\n\nA filter may use ${fields}.`;
}

function alsoServed(of: KindPage, { places }: Context): string {
  const { file } = of.kind.message;
  const beside = places.services.filter(({ service }) => service.file.proto.package === file.proto.package);
  if (beside.length === 0) return "";
  return `Beside these: ${beside.map(({ service, path }) => `[${service.name}](../${path})`).join(", ")}.`;
}
