import {
  create,
  type DescMessage,
  type DescMethodStreaming,
  type DescMethodUnary,
  type Message,
} from "@bufbuild/protobuf";
import { Verb } from "@stigmer/contracts/commons";
import type { CallOptions, Calls, Reader } from "./calls.ts";
import type { Kind } from "./kinds.ts";
import type { Resource, ResourceEvent, ResourceList } from "./resource.ts";

/** Calls, and who notes what is to be removed. */
type Maker = Pick<Calls, "call" | "open"> & { made(kind: Kind, resource: Message): void };
type Fields = Readonly<Record<string, unknown>>;

/** The verbs of one kind. What `create` makes is removed after the case. */
export interface KindClient {
  readonly kind: Kind;
  create(resource: Message, options?: CallOptions): Promise<Resource>;
  update(resource: Message, options?: CallOptions): Promise<Resource>;
  delete(request: Fields, options?: CallOptions): Promise<Resource>;
  undelete(request: Fields, options?: CallOptions): Promise<Resource>;
  purge(request: Fields, options?: CallOptions): Promise<Resource>;
  tag(request: Fields, options?: CallOptions): Promise<Resource>;
  get(request: Fields): Promise<Resource>;
  getByReference(request: Fields): Promise<Resource>;
  list(request: Fields): Promise<ResourceList>;
  watch(request: Fields): Reader<ResourceEvent>;
  /** The method that serves a verb of the kind. */
  unary(verb: Verb): DescMethodUnary;
}

export function kindClient(context: Maker, kind: Kind): KindClient {
  const unary = (verb: Verb): DescMethodUnary => {
    const method = kind.verbs.get(verb);
    if (method?.methodKind !== "unary") throw new Error(`${kind.name} has no unary method for ${Verb[verb]}`);
    return method as DescMethodUnary;
  };
  const ask = async (verb: Verb, request: Fields, options?: CallOptions): Promise<Resource> =>
    (await context.call(unary(verb), messageOf(unary(verb).input, request), options)) as Resource;
  return {
    kind,
    unary,
    async create(resource, options) {
      const made = (await context.call(unary(Verb.CREATE), resource, options)) as Resource;
      context.made(kind, made);
      return made;
    },
    update: async (resource, options) => (await context.call(unary(Verb.UPDATE), resource, options)) as Resource,
    delete: (request, options) => ask(Verb.DELETE, request, options),
    undelete: (request, options) => ask(Verb.UNDELETE, request, options),
    purge: (request, options) => ask(Verb.PURGE, request, options),
    tag: (request, options) => ask(Verb.TAG, request, options),
    get: (request) => ask(Verb.GET, request),
    getByReference: (request) => ask(Verb.GET_BY_REFERENCE, request),
    list: async (request) =>
      (await context.call(unary(Verb.LIST), messageOf(unary(Verb.LIST).input, request))) as ResourceList,
    watch: (request) => {
      const method = streamOf(kind);
      return context.open(method, messageOf(method.input, request)) as Reader<ResourceEvent>;
    },
  };
}

function streamOf(kind: Kind): DescMethodStreaming {
  const method = kind.verbs.get(Verb.WATCH);
  if (method?.methodKind !== "server_streaming") throw new Error(`${kind.name} has no watch`);
  return method as DescMethodStreaming;
}

function messageOf(schema: DescMessage, fields: Fields): Message {
  return create(schema, fields as never);
}
