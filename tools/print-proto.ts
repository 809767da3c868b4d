import type { DescMessage, Message, Registry } from "@bufbuild/protobuf";
import { isFieldSet } from "@bufbuild/protobuf";
import { protoCamelCase } from "@bufbuild/protobuf/reflect";
import { toText } from "@bufbuild/protobuf/txtpb";
import {
  type DescriptorProto,
  Edition,
  type EnumDescriptorProto,
  type FieldDescriptorProto,
  FieldDescriptorProtoSchema,
  type FileDescriptorProto,
  file_google_protobuf_descriptor,
  FieldDescriptorProto_Label as Label,
  type MethodDescriptorProto,
  type ServiceDescriptorProto,
  FieldDescriptorProto_Type as Type,
} from "@bufbuild/protobuf/wkt";

interface Context {
  readonly syntax: "proto2" | "proto3" | "editions";
  readonly registry: Registry;
}

type Lines = readonly string[];

const LABELS = {
  proto2: { [Label.OPTIONAL]: "optional ", [Label.REQUIRED]: "required ", [Label.REPEATED]: "repeated " },
  proto3: { [Label.OPTIONAL]: "", [Label.REQUIRED]: "", [Label.REPEATED]: "repeated " },
  editions: { [Label.OPTIONAL]: "", [Label.REQUIRED]: "", [Label.REPEATED]: "repeated " },
} as const;

/**
 * Returns .proto source that compiles to `file`, without its comments. Custom options are looked up in `registry`.
 *
 * Refuses groups, and options that `registry` cannot name. It does not print `export` and `local` of edition 2024, nor
 * keep the order of a message's own types where map fields stand between them; compile the text and compare.
 */
export function printProto(file: FileDescriptorProto, registry: Registry): string {
  const context: Context = { syntax: syntaxOf(file), registry };
  const sections: readonly Lines[] = [
    [syntaxLine(file)],
    file.package === "" ? [] : [`package ${file.package};`],
    importLines(file),
    optionStatements(file.options, context),
    ...extendBlocks(file.extension, context),
    ...file.messageType.map((message) => messageBlock(message, context)),
    ...file.enumType.map((declared) => enumBlock(declared, context)),
    ...file.service.map((service) => serviceBlock(service, context)),
  ];
  const printed = sections.filter((lines) => lines.length > 0).map((lines) => lines.join("\n"));
  return `${printed.join("\n\n")}\n`;
}

function syntaxOf(file: FileDescriptorProto): Context["syntax"] {
  return file.syntax === "proto3" || file.syntax === "editions" ? file.syntax : "proto2";
}

function syntaxLine(file: FileDescriptorProto): string {
  const syntax = syntaxOf(file);
  return syntax === "editions"
    ? `edition = "${Edition[file.edition].replace("EDITION_", "")}";`
    : `syntax = "${syntax}";`;
}

function importLines(file: FileDescriptorProto): Lines {
  const modifier = (at: number): string => {
    if (file.publicDependency.includes(at)) return "public ";
    return file.weakDependency.includes(at) ? "weak " : "";
  };
  return [
    ...file.dependency.map((path, at) => `import ${modifier(at)}"${path}";`),
    ...file.optionDependency.map((path) => `import option "${path}";`),
  ];
}

function messageBlock(message: DescriptorProto, context: Context): Lines {
  return block(`message ${message.name}`, [
    ...optionStatements(message.options, context),
    ...reservedStatements(message, { context, lastOf: (range) => range.end - 1 }),
    ...message.extensionRange.flatMap((range) =>
      statement(`extensions ${rangeText(range.start, range.end - 1)}`, optionEntries(range.options, context)),
    ),
    ...memberLines(message, context),
    ...extendBlocks(message.extension, context).flat(),
    ...message.nestedType
      .filter((nested) => nested.options?.mapEntry !== true)
      .flatMap((nested) => messageBlock(nested, context)),
    ...message.enumType.flatMap((declared) => enumBlock(declared, context)),
  ]);
}

/** A oneof is printed whole where its first field stands: source cannot put other fields in between. */
function memberLines(message: DescriptorProto, context: Context): Lines {
  const printed = new Set<number>();
  return message.field.flatMap((field): Lines => {
    if (!isInOneof(field)) return fieldStatement(field, { context, message });
    const oneof = message.oneofDecl[field.oneofIndex];
    if (oneof === undefined || printed.has(field.oneofIndex)) return [];
    printed.add(field.oneofIndex);
    const members = message.field.filter((other) => isInOneof(other) && other.oneofIndex === field.oneofIndex);
    return block(`oneof ${oneof.name}`, [
      ...optionStatements(oneof.options, context),
      ...members.flatMap((member) => fieldStatement(member, { context, message })),
    ]);
  });
}

/** The oneof that a proto3 `optional` implies is not written in source. */
function isInOneof(field: FieldDescriptorProto): boolean {
  return isFieldSet(field, FieldDescriptorProtoSchema.field.oneofIndex) && !field.proto3Optional;
}

function fieldStatement(
  field: FieldDescriptorProto,
  scope: { readonly context: Context; readonly message?: DescriptorProto },
): Lines {
  const entry = scope.message && mapEntryOf(field, scope.message);
  const type = entry === undefined ? labelledType(field, scope.context) : mapType(entry);
  return statement(`${type} ${field.name} = ${field.number}`, [
    ...defaultEntries(field),
    ...jsonNameEntries(field),
    ...optionEntries(field.options, scope.context),
  ]);
}

function mapEntryOf(field: FieldDescriptorProto, message: DescriptorProto): DescriptorProto | undefined {
  return message.nestedType.find(
    (nested) => nested.options?.mapEntry === true && field.typeName.endsWith(`.${message.name}.${nested.name}`),
  );
}

function mapType(entry: DescriptorProto): string {
  return `map<${entry.field.map(typeText).join(", ")}>`;
}

function labelledType(field: FieldDescriptorProto, context: Context): string {
  if (isInOneof(field)) return typeText(field);
  const label = field.proto3Optional ? "optional " : LABELS[context.syntax][field.label];
  return `${label}${typeText(field)}`;
}

function typeText(field: FieldDescriptorProto): string {
  if (field.type === Type.GROUP) throw new Error(`field ${field.name} is a group, which is not printed`);
  return field.typeName === "" ? Type[field.type].toLowerCase() : field.typeName;
}

function defaultEntries(field: FieldDescriptorProto): readonly Lines[] {
  if (!isFieldSet(field, FieldDescriptorProtoSchema.field.defaultValue)) return [];
  const value = field.defaultValue;
  // The compiler escapes a default of bytes when it writes the descriptor, and leaves one of string as it is.
  if (field.type === Type.STRING) return [[`default = ${JSON.stringify(value)}`]];
  return [[field.type === Type.BYTES ? `default = "${value}"` : `default = ${value}`]];
}

function jsonNameEntries(field: FieldDescriptorProto): readonly Lines[] {
  const implied = field.jsonName === "" || field.jsonName === protoCamelCase(field.name);
  return implied ? [] : [[`json_name = ${JSON.stringify(field.jsonName)}`]];
}

/** One block for each run of extensions of the same message. */
function extendBlocks(extensions: readonly FieldDescriptorProto[], context: Context): readonly Lines[] {
  const runs: FieldDescriptorProto[][] = [];
  for (const extension of extensions) {
    const run = runs.at(-1);
    if (run?.[0]?.extendee === extension.extendee) run.push(extension);
    else runs.push([extension]);
  }
  return runs.map((run) =>
    block(
      `extend ${run[0]?.extendee}`,
      run.flatMap((extension) => fieldStatement(extension, { context })),
    ),
  );
}

function enumBlock(declared: EnumDescriptorProto, context: Context): Lines {
  return block(`enum ${declared.name}`, [
    ...optionStatements(declared.options, context),
    ...reservedStatements(declared, { context, lastOf: (range) => range.end }),
    ...declared.value.flatMap((value) =>
      statement(`${value.name} = ${value.number}`, optionEntries(value.options, context)),
    ),
  ]);
}

function serviceBlock(service: ServiceDescriptorProto, context: Context): Lines {
  return block(`service ${service.name}`, [
    ...optionStatements(service.options, context),
    ...service.method.flatMap((method) => block(methodHead(method), optionStatements(method.options, context))),
  ]);
}

function methodHead(method: MethodDescriptorProto): string {
  const input = `${method.clientStreaming ? "stream " : ""}${method.inputType}`;
  const output = `${method.serverStreaming ? "stream " : ""}${method.outputType}`;
  return `rpc ${method.name}(${input}) returns (${output})`;
}

interface Range {
  readonly start: number;
  readonly end: number;
}

function reservedStatements(
  declared: { readonly reservedRange: readonly Range[]; readonly reservedName: readonly string[] },
  scope: { readonly context: Context; readonly lastOf: (range: Range) => number },
): Lines {
  const ranges = declared.reservedRange.map((range) => rangeText(range.start, scope.lastOf(range)));
  const names = declared.reservedName.map((name) => (scope.context.syntax === "editions" ? name : `"${name}"`));
  return [ranges, names].filter((list) => list.length > 0).map((list) => `reserved ${list.join(", ")};`);
}

function rangeText(first: number, last: number): string {
  if (first === last) return String(first);
  return `${first} to ${last === 536_870_911 || last === 2_147_483_647 ? "max" : last}`;
}

function optionStatements(options: Message | undefined, context: Context): Lines {
  return optionEntries(options, context).flatMap((entry) => wrap("option ", entry, ";"));
}

/** Splits the text format of an options message into its settings: `name: value` and `[extension]: { … }`. */
function optionEntries(options: Message | undefined, context: Context): readonly Lines[] {
  if (options === undefined) return [];
  const text = toText(optionsSchema(options), options, {
    registry: context.registry,
    printUnknownFields: true,
  });
  const entries: string[][] = [];
  for (const line of text.trimEnd().split("\n")) {
    if (/^ *\d/.test(line))
      throw new Error(`${options.$typeName} holds an option that nothing declares: ${line.trim()}`);
    if (/^[[\w]/.test(line)) entries.push([asAssignment(line)]);
    else if (line !== "") entries.at(-1)?.push(line);
  }
  return entries;
}

function optionsSchema(options: Message): DescMessage {
  const schema = file_google_protobuf_descriptor.messages.find((message) => message.typeName === options.$typeName);
  if (schema === undefined) throw new Error(`${options.$typeName} is not in google/protobuf/descriptor.proto`);
  return schema;
}

function asAssignment(line: string): string {
  return line.replace(/^\[([\w.]+)\]/, "(.$1)").replace(/^([^:\s]+)(: | (?=\{))/, "$1 = ");
}

/** `head;`, or `head [entry];`, or one entry a line where there are more or longer ones. */
function statement(head: string, entries: readonly Lines[]): Lines {
  const [first] = entries;
  if (first === undefined) return [`${head};`];
  if (entries.length === 1) return wrap(`${head} [`, first, "];");
  const listed = entries.flatMap((entry, at) => wrap("", entry, at < entries.length - 1 ? "," : ""));
  return [`${head} [`, ...indent(listed), "];"];
}

function wrap(before: string, lines: Lines, after: string): Lines {
  return lines.map((line, at) => `${at === 0 ? before : ""}${line}${at === lines.length - 1 ? after : ""}`);
}

function block(head: string, body: Lines): Lines {
  return body.length === 0 ? [`${head} {}`] : [`${head} {`, ...indent(body), "}"];
}

function indent(lines: Lines): Lines {
  return lines.map((line) => `  ${line}`);
}
