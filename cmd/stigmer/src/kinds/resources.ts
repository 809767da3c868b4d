import type { JsonObject } from "@bufbuild/protobuf";
import type { JsonCaller } from "@stigmer/client/light";
import { misused } from "../failure.ts";
import type { Resource } from "./columns.ts";
import type { Method, Verb } from "./kind.ts";
import { type Kind, requireVerb, wordOf } from "./kinds.ts";
import { type Reference, referenceFields } from "./reference.ts";

export type CallOptions = { readonly signal: AbortSignal };

/** Reads one resource by its name or its id, as it is or as a revision of it was. */
export async function getResource(
  client: JsonCaller,
  of: { readonly kind: Kind; readonly reference: Reference; readonly showDeleted?: boolean | undefined },
  options: CallOptions,
): Promise<Resource> {
  const { kind, reference, showDeleted } = of;
  const byId = isId(kind, reference.name);
  if (byId && reference.revision) throw misused("a revision is named beside a name, not beside an id");
  if (byId) return await callVerb(client, requireVerb(kind, "GET", "read"), { id: reference.name }, options);
  const method = requireVerb(kind, "GET_BY_REFERENCE", "read");
  return await callVerb(
    client,
    method,
    { ...referenceFields(reference), ...(showDeleted && { showDeleted }) },
    options,
  );
}

/** What a command does to one resource: a verb, in words, and what its request holds. */
export type Change = { readonly verb: Verb; readonly action: string; readonly request: JsonObject };

/** Changes a resource by a verb of its kind, and returns it as it is afterwards, or was last. */
export async function changeResource(
  client: JsonCaller,
  kind: Kind,
  { verb, action, request, signal }: Change & CallOptions,
): Promise<Resource> {
  const method = requireVerb(kind, verb, action);
  requireFields(kind, method, request);
  return await callVerb(client, method, request, { signal });
}

export type Page = {
  readonly items: readonly Resource[];
  readonly nextPageToken: string;
  readonly resourceVersion: string;
  /** Starts a watch that misses nothing of what came after the page. */
  readonly resumeToken: string;
};

/** Which resources of a kind are meant. */
export type Selection = {
  /** Kubernetes' label selector. */
  readonly labelSelector?: string | undefined;
  /** An AIP-160 filter. */
  readonly filter?: string | undefined;
  /** Only those that belong to the resource with this id, where the kind's list can be narrowed so. */
  readonly parent?: string | undefined;
  /** Also those that are deleted and not purged. */
  readonly showDeleted?: boolean | undefined;
};

export type ListOptions = CallOptions & {
  readonly selection?: Selection | undefined;
  /** Most resources in all; without it every one. */
  readonly limit?: number | undefined;
};

const MAX_PAGE = 1000;

/** The pages of a kind, until its end or the limit. */
export async function* listPages(client: JsonCaller, kind: Kind, options: ListOptions): AsyncIterable<Page> {
  const method = requireVerb(kind, "LIST", "listed");
  const selection = withoutEmpty(options.selection ?? {});
  requireFields(kind, method, selection);
  let left = options.limit ?? Number.POSITIVE_INFINITY;
  let pageToken = "";
  do {
    const request = { pageSize: Math.min(MAX_PAGE, left), ...(pageToken && { pageToken }), ...selection };
    const page = pageOf(await callVerb(client, method, request, options));
    yield page;
    left -= page.items.length;
    pageToken = page.nextPageToken;
  } while (pageToken && left > 0);
}

/** A request's fields without those that say nothing. */
export function withoutEmpty(fields: object): JsonObject {
  return Object.fromEntries(
    Object.entries(fields).filter(([, value]) => value !== undefined && value !== "" && value !== false),
  );
}

/** Refuses what the kind's own request can't say. */
export function requireFields(kind: Kind, method: Method, request: JsonObject): void {
  const unknown = Object.keys(request).find((name) => !method.fields.includes(name));
  if (unknown === undefined) return;
  throw misused(`${OPTIONS[unknown] ?? unknown} means nothing for the kind ${wordOf(kind)}`, "leave it out");
}

const OPTIONS: Readonly<Record<string, string>> = {
  showDeleted: "--show-deleted",
  labelSelector: "--selector",
  filter: "--filter",
  running: "--running",
  dependents: "--orphan",
};

/** `agt_01J…`; no name holds an underscore. */
export function isId(kind: Kind, text: string): boolean {
  return text.startsWith(`${kind.idPrefix}_`);
}

function pageOf(answer: JsonObject): Page {
  const { items = [], nextPageToken = "", resourceVersion = "", resumeToken = "" } = answer as Partial<Page>;
  return { items, nextPageToken, resourceVersion, resumeToken };
}

async function callVerb(
  client: JsonCaller,
  { path, write }: Method,
  request: JsonObject,
  { signal }: CallOptions,
): Promise<JsonObject> {
  return await client.json({ path, request, write }, { signal });
}
