import {
  createRegistry,
  type DescFile,
  type DescMessage,
  type DescMethod,
  getOption,
  hasOption,
} from "@bufbuild/protobuf";
import {
  type KindOptions,
  kind as kindOption,
  Managed,
  method as methodOption,
  Verb,
} from "@stigmer/contracts/commons";
import { files } from "@stigmer/contracts/files";
import { misused } from "../failure.ts";
import { nearest } from "../output/nearest.ts";

/** A resource kind, as its descriptors tell: nothing here knows one by name. */
export type Kind = {
  readonly options: KindOptions;
  readonly schema: DescMessage;
  /** As manifests say it: `agentic.stigmer.ai/v1`. */
  readonly apiVersion: string;
  /** The methods that serve the generic verbs; a kind has those that it can have. */
  readonly methods: ReadonlyMap<Verb, DescMethod>;
};

/** Knows every message of the contract; for JSON of a message that holds one of any type. */
export const registry = createRegistry(...files);

/** Every kind of the contract, in order of name. */
export function allKinds(of: readonly DescFile[] = files): readonly Kind[] {
  const kinds = of.flatMap((file) => file.messages.filter((message) => hasOption(message, kindOption)));
  return kinds
    .map((schema) => ({
      options: getOption(schema, kindOption),
      schema,
      apiVersion: apiVersionOf(schema),
      methods: methodsOf(of, schema),
    }))
    .sort((a, b) => (a.options.kind < b.options.kind ? -1 : 1));
}

/** The kind that a word of the command line means: its name, plural or a short name, in any case. */
export function findKind(kinds: readonly Kind[], word: string): Kind {
  const wanted = word.toLowerCase();
  const found = kinds.find((kind) => namesOf(kind).includes(wanted));
  if (found) return found;
  const near = nearest(wanted, kinds.flatMap(namesOf));
  const known = kinds.map(({ options }) => options.plural).join(", ");
  throw misused(`unknown kind "${word}"`, near ? `did you mean ${near}?` : `known kinds: ${known}`);
}

/** The word by which the command line calls a kind: `agent`. */
export function wordOf(kind: Kind): string {
  return kind.options.kind.toLowerCase();
}

/** The method that serves a verb of a kind; refuses where the kind has none, saying who makes it. */
export function requireMethod(kind: Kind, verb: Verb, action: string): DescMethod {
  const method = kind.methods.get(verb);
  if (method) return method;
  throw misused(`no ${wordOf(kind)} can be ${action}`, MAKERS[kind.options.managed] ?? "");
}

const MAKERS: Partial<Record<Managed, string>> = {
  [Managed.START_ONLY]: "a user starts it; from then on only the system changes it",
  [Managed.SYSTEM]: "the system makes and changes it",
};

function namesOf({ options }: Kind): string[] {
  return [options.kind.toLowerCase(), options.plural, ...options.shortNames];
}

/** `ai.stigmer.agentic.agent.v1` is `agentic.stigmer.ai/v1` to a manifest. */
function apiVersionOf(schema: DescMessage): string {
  const [, , group = "", ...rest] = schema.file.proto.package.split(".");
  return `${group}.stigmer.ai/${rest.at(-1) ?? ""}`;
}

/** A kind's services are those of its own proto package. */
function methodsOf(of: readonly DescFile[], schema: DescMessage): ReadonlyMap<Verb, DescMethod> {
  const services = of
    .filter((file) => file.proto.package === schema.file.proto.package)
    .flatMap((file) => file.services);
  const verbs = services
    .flatMap((service) => service.methods)
    .filter((method) => hasOption(method, methodOption))
    .map((method) => [getOption(method, methodOption).verb, method] as const);
  return new Map(verbs.filter(([verb]) => verb !== Verb.UNSPECIFIED));
}
