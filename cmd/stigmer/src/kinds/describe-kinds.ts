import {
  type DescField,
  type DescFile,
  type DescMessage,
  type DescMethod,
  getOption,
  hasOption,
} from "@bufbuild/protobuf";
import {
  Effect,
  type KindOptions,
  kind as kindOption,
  ManagedSchema,
  method as methodOption,
  Verb as VerbNumber,
  VerbSchema,
} from "@stigmer/contracts/commons";
import { enumText } from "./enum-text.ts";
import type { Column, Kind, Managed, Method, Verb } from "./kind.ts";

/** Every kind of the given files, in order of name. */
export function describeKinds(files: readonly DescFile[]): readonly Kind[] {
  return files
    .flatMap((file) => file.messages.filter((message) => hasOption(message, kindOption)))
    .map((schema) => describeKind(files, schema))
    .sort((a, b) => (a.kind < b.kind ? -1 : 1));
}

function describeKind(files: readonly DescFile[], schema: DescMessage): Kind {
  const options = getOption(schema, kindOption);
  const { kind, plural, shortNames, idPrefix, revisions, filterFields } = options;
  return {
    kind,
    plural,
    shortNames,
    idPrefix,
    managed: enumText(ManagedSchema, options.managed) as Managed,
    apiVersion: apiVersionOf(schema),
    typeName: schema.typeName,
    revisions,
    filterFields,
    columns: options.columns.map((column) => describeColumn(schema, column)),
    verbs: verbsOf(files, schema),
  };
}

/** `ai.stigmer.agentic.agent.v1` is `agentic.stigmer.ai/v1` to a manifest. */
function apiVersionOf(schema: DescMessage): string {
  const [, , group = "", ...rest] = schema.file.proto.package.split(".");
  return `${group}.stigmer.ai/${rest.at(-1) ?? ""}`;
}

function describeColumn(schema: DescMessage, { name, path }: KindOptions["columns"][number]): Column {
  const fields: DescField[] = [];
  let inside: DescMessage | undefined = schema;
  for (const word of path.split(".")) {
    const field: DescField | undefined = inside?.fields.find((known) => known.jsonName === word || known.name === word);
    if (!field) throw new Error(`${schema.typeName} has no ${path}, which a column shows`);
    fields.push(field);
    inside = field.fieldKind === "message" ? field.message : undefined;
  }
  const last = fields.at(-1);
  return {
    name,
    path: fields.map(({ jsonName }) => jsonName),
    prefix: last?.fieldKind === "enum" ? prefixOf(last.enum) : "",
    isTime: inside?.typeName === "google.protobuf.Timestamp",
  };
}

function prefixOf(desc: {
  readonly sharedPrefix?: string | undefined;
  readonly values: readonly { name: string }[];
}): string {
  return desc.values[0]?.name.slice(0, desc.sharedPrefix?.length ?? 0) ?? "";
}

/** A kind's services are those of its own proto package. */
function verbsOf(files: readonly DescFile[], schema: DescMessage): Kind["verbs"] {
  const methods = files
    .filter((file) => file.proto.package === schema.file.proto.package)
    .flatMap((file) => file.services)
    .flatMap((service) => service.methods)
    .filter((method) => hasOption(method, methodOption));
  const entries = methods.map((method) => [getOption(method, methodOption).verb, describeMethod(method)] as const);
  return Object.fromEntries(
    entries
      .filter(([verb]) => verb !== VerbNumber.UNSPECIFIED)
      .map(([verb, method]) => [enumText(VerbSchema, verb) as Verb, method]),
  );
}

function describeMethod(method: DescMethod): Method {
  return {
    path: `/${method.parent.typeName}/${method.name}`,
    write: getOption(method, methodOption).effect === Effect.WRITE,
    fields: method.input.fields.map(({ jsonName }) => jsonName),
  };
}
