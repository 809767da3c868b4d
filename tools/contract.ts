import {
  createFileRegistry,
  type DescExtension,
  type DescField,
  type DescFile,
  type DescMessage,
  type DescMethod,
  type FileRegistry,
  getOption,
  hasOption,
  isMessage,
  type JsonObject,
  toJson,
} from "@bufbuild/protobuf";
import { contractComments } from "./contract-comments.ts";
import { contractImage } from "./contract-image.ts";

/** Options of a kind as its message states them; what is left out there is left out here. */
export type KindOptions = {
  readonly kind: string;
  readonly plural: string;
  readonly shortNames?: readonly string[];
  readonly idPrefix: string;
  readonly scope: string;
  readonly managed: string;
  readonly columns?: readonly { readonly name: string; readonly path: string }[];
  readonly revisions?: boolean;
  readonly filterFields?: readonly string[];
};

export type MethodOptions = {
  readonly verb?: string;
  readonly permission?: string;
  readonly resource?: string;
  readonly effect?: string;
};

export type FieldOptions = {
  readonly immutable?: boolean;
  readonly outputOnly?: boolean;
  readonly sensitive?: boolean;
  readonly referenceTo?: string;
  readonly keeps?: boolean;
  readonly listKey?: string;
};

export type ContractKind = { readonly message: DescMessage; readonly options: KindOptions };

/** The contract as buf compiles it: descriptors, comments and our own options. */
export interface Contract {
  /** Our own files, in order of path. */
  readonly files: readonly DescFile[];
  /** Every resource kind, in order of name. */
  readonly kinds: readonly ContractKind[];
  /** The comment of a part, by its full name; an enum's value is named below its enum. */
  readonly comments: ReadonlyMap<string, string>;
  methodOptions(method: DescMethod): MethodOptions;
  fieldOptions(field: DescField): FieldOptions;
}

const OPTIONS = "ai.stigmer.commons.apiresource.v1";

/** Reads the contract below `root`. Fails with buf's own message where it does not compile. */
export async function readContract(root: string): Promise<Contract> {
  const image = await contractImage(root);
  const registry = createFileRegistry(image);
  const files = [...registry.files].filter(({ proto }) => proto.package.startsWith("ai.stigmer."));
  const [ofKind, ofMethod, ofField] = ["kind", "method", "field"].map((name) => option(registry, name));
  if (!ofKind || !ofMethod || !ofField) throw new Error(`the contract has no options in ${OPTIONS}`);
  const read = <T>(of: DescMessage | DescMethod | DescField, extension: DescExtension): T =>
    optionJson(of, extension, registry) as T;
  return {
    files: files.sort((one, other) => order(one.name, other.name)),
    kinds: files
      .flatMap(({ messages }) => messages)
      .filter((message) => hasOption(message, ofKind))
      .map((message) => ({ message, options: read<KindOptions>(message, ofKind) }))
      .sort((one, other) => order(one.options.kind, other.options.kind)),
    comments: contractComments(image),
    methodOptions: (method) => read(method, ofMethod),
    fieldOptions: (field) => read(field, ofField),
  };
}

/** Bytewise, so that what is generated does not depend on a language setting. */
export function order(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}

/** `AgentExecution` as files are named: `agent-execution`. */
export function kebab(name: string): string {
  return name.replaceAll(/(?<=[a-z0-9])(?=[A-Z])/g, "-").toLowerCase();
}

/** `agent-execution` as a constant is named: `agentExecution`. */
export function camel(name: string): string {
  return name.replaceAll(/-([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}

function option(registry: FileRegistry, name: string): DescExtension | undefined {
  return registry.getExtension(`${OPTIONS}.${name}`);
}

function optionJson(
  of: DescMessage | DescMethod | DescField,
  extension: DescExtension,
  registry: FileRegistry,
): JsonObject {
  const { message } = extension;
  if (!message || !hasOption(of, extension)) return {};
  const value = getOption(of, extension);
  if (!isMessage(value, message)) return {};
  const json = toJson(message, value, { registry });
  return typeof json === "object" && json !== null && !Array.isArray(json) ? json : {};
}
