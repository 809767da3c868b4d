import { create, type DescMessage, type DescMethod, type Message } from "@bufbuild/protobuf";
import type { Client } from "@stigmer/client";
import { Verb, type WatchEventType } from "@stigmer/contracts/commons";
import { type Kind, requireMethod } from "./kinds.ts";

export type CallOptions = { readonly signal: AbortSignal };

/** Reads one resource by its name or its id. */
export async function getResource(
  client: Client,
  kind: Kind,
  nameOrId: string,
  options: CallOptions,
): Promise<Message> {
  const byId = isId(kind, nameOrId);
  const method = requireMethod(kind, byId ? Verb.GET : Verb.GET_BY_REFERENCE, "read");
  return await callUnary(client, method, byId ? { id: nameOrId } : { name: nameOrId }, options);
}

/** Removes a resource, and returns its last state. */
export async function deleteResource(client: Client, kind: Kind, id: string, options: CallOptions): Promise<Message> {
  return await callUnary(client, requireMethod(kind, Verb.DELETE, "deleted"), { id }, options);
}

export type Page = {
  readonly items: readonly Message[];
  readonly nextPageToken: string;
  readonly resourceVersion: string;
};

export type ListOptions = CallOptions & {
  /** Most resources in all; without it every one. */
  readonly limit?: number | undefined;
  /** Only those that belong to the resource with this id, where the kind's list can be narrowed so. */
  readonly parent?: string | undefined;
};

const MAX_PAGE = 1000;

/** The pages of a kind, until its end or the limit. */
export async function* listPages(client: Client, kind: Kind, options: ListOptions): AsyncIterable<Page> {
  const method = requireMethod(kind, Verb.LIST, "listed");
  let left = options.limit ?? Number.POSITIVE_INFINITY;
  let pageToken = "";
  do {
    const pageSize = Math.min(MAX_PAGE, left);
    const fields = { pageSize, pageToken, ...(options.parent !== undefined && { parent: options.parent }) };
    const page = (await callUnary(client, method, fields, options)) as Message & Page;
    yield page;
    left -= page.items.length;
    pageToken = page.nextPageToken;
  } while (pageToken && left > 0);
}

/** The message that a list of a kind answers with; for JSON of all its pages together. */
export function listSchema(kind: Kind): DescMessage {
  return requireMethod(kind, Verb.LIST, "listed").output;
}

export type WatchEvent = Message & {
  readonly type: WatchEventType;
  readonly object?: Message;
  readonly resumeToken: string;
};

/** Events of a kind: all there are, then each change. With a token it goes on after the event that carried it. */
export function watchResources(
  client: Client,
  kind: Kind,
  options: CallOptions & { readonly resumeToken: string },
): AsyncIterable<WatchEvent> {
  const method = requireMethod(kind, Verb.WATCH, "watched");
  const { resumeToken, signal } = options;
  const request = create(method.input, (resumeToken ? { resumeToken } : { sendInitial: true }) as never);
  return functionOf(client, method)(request, { signal }) as AsyncIterable<WatchEvent>;
}

export function watchSchema(kind: Kind): DescMessage {
  return requireMethod(kind, Verb.WATCH, "watched").output;
}

/** `agt_01J…`; no name holds an underscore. */
function isId(kind: Kind, text: string): boolean {
  return text.startsWith(`${kind.options.idPrefix}_`);
}

async function callUnary(client: Client, method: DescMethod, fields: object, options: CallOptions): Promise<Message> {
  const request = create(method.input, fields as never);
  return await (functionOf(client, method)(request, { signal: options.signal }) as Promise<Message>);
}

type Call = (request: Message, options: CallOptions) => Promise<Message> | AsyncIterable<Message>;

/** The function of a typed client that a descriptor stands for; its types are known by the descriptor alone. */
function functionOf(client: Client, method: DescMethod): Call {
  const functions = client.service(method.parent) as unknown as Readonly<Record<string, Call>>;
  const call = functions[method.localName];
  if (!call) throw new Error(`the client has no method ${method.parent.typeName}/${method.name}`);
  return call;
}
