import {
  createRegistry,
  type DescField,
  type DescMessage,
  type DescService,
  getOption,
  hasOption,
  type Message,
  type MessageShape,
  type Registry,
} from "@bufbuild/protobuf";
import type { Clock } from "@stigmer/base";
import { type ApiResourceMetadata, type KindOptions, kind as kindOption } from "@stigmer/contracts/commons";
import type { Blobs, Reader } from "@stigmer/store";
import { holdsSensitive, requireSealable } from "./fields/shape.ts";
import type { Keys } from "./port.ts";
import { createKindIndex, type KindIndex } from "./select/kind-index.ts";

/** What every resource message looks like. */
export type Resource = Message & {
  apiVersion: string;
  kind: string;
  metadata?: ApiResourceMetadata | undefined;
  spec?: Message | undefined;
  status?: Message | undefined;
};

/** What a kind's hooks may look at beside the object itself. */
export type HookContext = {
  /** The version that is replaced; undefined on create. */
  readonly previous: Resource | undefined;
  /** Digest of the spec as it is when it is asked for, `sha256:<hex>`: for `observe` that is as it will be stored. */
  readonly specDigest: string;
  readonly read: Reader;
  readonly blobs: Pick<Blobs, "read" | "stat">;
  readonly keys: Keys;
  readonly clock: Clock;
};

/** Everything about a kind that its descriptors don't say. Every hook is optional. */
export type KindDefinition<S extends DescMessage = DescMessage> = {
  readonly message: S;
  readonly services: readonly DescService[];
  /** Fills in what the user left out; runs before the object is checked whole. */
  readonly defaults?: (next: MessageShape<S>, context: HookContext) => void;
  /** Refuses, with a `Fault`, what the rules in the contract can't express. */
  readonly check?: (next: MessageShape<S>, context: HookContext) => Promise<void> | void;
  /** Fills in the status that follows from the spec; runs last, on the object as it will be stored. */
  readonly observe?: (next: MessageShape<S>, context: HookContext) => Promise<void> | void;
  /** Id of the resource that this one belongs to. */
  readonly parent?: (resource: MessageShape<S>) => string;
};

/** A kind as the pipeline uses it. */
export type Kind = {
  readonly options: KindOptions;
  readonly apiVersion: string;
  readonly schema: DescMessage;
  readonly services: readonly DescService[];
  readonly specField: DescField;
  readonly metadataField: DescField;
  /** Whether it has sensitive fields; where they are stored they hold what is sealed. */
  readonly holdsSecrets: boolean;
  readonly defaults: (next: Resource, context: HookContext) => void;
  readonly check: (next: Resource, context: HookContext) => Promise<void> | void;
  readonly observe: (next: Resource, context: HookContext) => Promise<void> | void;
  readonly parent: (resource: Resource) => string;
  readonly index: KindIndex;
};

/** The kinds that a backend serves. */
export interface Kinds {
  readonly all: readonly Kind[];
  readonly registry: Registry;
  /** The kind of this name, as manifests say it. */
  named(kind: string): Kind | undefined;
  /** The kind whose resources are this message. */
  ofMessage(typeName: string): Kind | undefined;
}

/** States a kind; types are checked here, and the pipeline sees every kind alike. */
export function defineKind<S extends DescMessage>(definition: KindDefinition<S>): Kind {
  const { message } = definition;
  const [specField, metadataField] = ["spec", "metadata"].map((name) =>
    message.fields.find((one) => one.name === name),
  );
  if (!hasOption(message, kindOption) || !specField || !metadataField)
    throw new Error(`${message.typeName} is not a resource kind`);
  const options = getOption(message, kindOption);
  if (!options.scope || !options.managed) throw new Error(`${message.typeName} must say its scope and who manages it`);
  requireSealable(message);
  const [, , group = ""] = message.typeName.split(".");
  return {
    options,
    apiVersion: `${group}.stigmer.ai/v1`,
    schema: message,
    services: definition.services,
    specField,
    metadataField,
    holdsSecrets: holdsSensitive(message),
    defaults: (definition.defaults ?? (() => {})) as unknown as Kind["defaults"],
    check: (definition.check ?? (() => {})) as unknown as Kind["check"],
    observe: (definition.observe ?? (() => {})) as unknown as Kind["observe"],
    parent: (definition.parent ?? (() => "")) as unknown as Kind["parent"],
    index: createKindIndex(message, options.filterFields),
  };
}

export function createKinds(kinds: readonly Kind[]): Kinds {
  const byName = new Map(kinds.map((kind) => [kind.options.kind, kind]));
  const byMessage = new Map(kinds.map((kind) => [kind.schema.typeName, kind]));
  return {
    all: kinds,
    registry: createRegistry(...kinds.map((kind) => kind.schema.file)),
    named: (name) => byName.get(name),
    ofMessage: (typeName) => byMessage.get(typeName),
  };
}
