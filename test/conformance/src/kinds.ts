import { type DescMessage, type DescMethod, type DescService, getOption, hasOption } from "@bufbuild/protobuf";
import {
  type KindOptions,
  kind as kindOption,
  Managed,
  type MethodOptions,
  method as methodOption,
  Verb,
} from "@stigmer/contracts/commons";
import { files } from "@stigmer/contracts/files";

/** A kind, as its descriptors say. */
export type Kind = {
  readonly name: string;
  readonly options: KindOptions;
  readonly schema: DescMessage;
  readonly spec: DescMessage;
  readonly services: readonly DescService[];
  /** The methods that generic verbs serve. */
  readonly verbs: ReadonlyMap<Verb, DescMethod>;
};

export interface Kinds {
  readonly all: readonly Kind[];
  named(name: string): Kind;
}

/** Prefix of the services that are the contract's own. */
const OURS = "ai.stigmer.";

export const contractServices: readonly DescService[] = files
  .flatMap((file) => file.services)
  .filter((service) => service.typeName.startsWith(OURS));

/** Every kind of the contract, in order of name. */
export function readKinds(): Kinds {
  const all = files
    .flatMap((file) => file.messages)
    .filter((message) => hasOption(message, kindOption))
    .map(readKind)
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  return {
    all,
    named(name) {
      const found = all.find((kind) => kind.name === name);
      if (!found) throw new Error(`the contract has no kind ${name}`);
      return found;
    },
  };
}

function readKind(schema: DescMessage): Kind {
  const options = getOption(schema, kindOption);
  const services = contractServices.filter((service) => packageOf(service) === packageOf(schema));
  const methods = services.flatMap((service) => service.methods);
  const verbs = new Map(methods.map((method) => [optionsOf(method).verb, method]));
  verbs.delete(Verb.UNSPECIFIED);
  const spec = schema.field.spec?.message;
  if (!spec) throw new Error(`${schema.typeName} has no spec`);
  return { name: options.kind, options, schema, spec, services, verbs };
}

/** Whether a user makes resources of the kind, with every verb. */
export function isUsers(kind: Kind): boolean {
  return kind.options.managed === Managed.USER;
}

function optionsOf(method: DescMethod): MethodOptions {
  return getOption(method, methodOption);
}

function packageOf(described: DescMessage | DescService): string {
  return described.file.proto.package;
}

export function apiVersionOf(kind: Kind): string {
  const [, , group, , version] = packageOf(kind.schema).split(".");
  return `${group}.stigmer.ai/${version}`;
}
