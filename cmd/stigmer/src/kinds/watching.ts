import { create, type JsonObject, type Message, toJson } from "@bufbuild/protobuf";
import { WatchEventType, WatchEventTypeSchema } from "@stigmer/contracts/commons";
import type { Backend } from "../backend/open-backend.ts";
import { createReconnect, ENDED_EARLY } from "../backend/reconnect.ts";
import type { Deps } from "../deps.ts";
import type { Format } from "../output/format.ts";
import { formatJsonLine } from "../output/structured.ts";
import { formatDelimited, type GrowingTable } from "../output/table.ts";
import { formatYaml } from "../output/yaml.ts";
import { cellsOf, metadataOf, nameOf, type Resource } from "./columns.ts";
import { enumText } from "./enum-text.ts";
import { type Kind, requireVerb } from "./kinds.ts";
import { methodOf, registry } from "./registry.ts";
import { requireFields, type Selection, withoutEmpty } from "./resources.ts";

/** What is followed. */
export type Watched = {
  readonly backend: Backend;
  readonly kind: Kind;
  readonly selection: Selection;
  /** Goes on after the event or list that carried it; empty begins with what is there. */
  readonly resumeToken: string;
};

/** The same, and how it is shown. */
export type Watching = Watched & { readonly format: Format; readonly table: GrowingTable };

/** Shows changes until Ctrl-C. Where the connection breaks it goes on after the last event, so that none is lost or shown twice. */
export async function followKind(deps: Deps, watching: Watching): Promise<never> {
  for await (const change of changesOf(deps, watching)) {
    await deps.stdout.write(formatChange(change, watching, deps.clock.now()));
  }
  throw ENDED_EARLY;
}

/** One change, as the contract's JSON says it. */
export type Change = {
  readonly type: WatchEventType;
  /** The event, its object included. */
  readonly json: JsonObject & { readonly object: Resource };
};

/** Changes of a kind, each once, until Ctrl-C; a broken connection is taken up again. */
export async function* changesOf(deps: Deps, watched: Watched): AsyncGenerator<Change, never> {
  const reconnect = createReconnect(deps);
  const progress: Progress = { token: watched.resumeToken, initial: new Set() };
  const { output } = methodOf(requireVerb(watched.kind, "WATCH", "watched"));
  for (;;) {
    try {
      for await (const event of watchResources(deps, watched, progress.token)) {
        await reconnect.arrived();
        if (!isNew(event, progress)) continue;
        yield { type: event.type, json: toJson(output, event, { registry }) as Change["json"] };
      }
      throw ENDED_EARLY;
    } catch (error) {
      await reconnect.waitAfter(error);
      await watched.backend.reopen();
    }
  }
}

/** How far a watch has come. */
type Progress = {
  /** Goes on after the last event; empty until everything that was there has been sent. */
  token: string;
  /** What was there and has been shown, by id and version: shown once, also where the beginning must be asked for again. */
  readonly initial: Set<string>;
};

type WatchEvent = Message & {
  readonly type: WatchEventType;
  readonly object?: Message;
  readonly resumeToken: string;
};

type Call = (request: Message, options: { readonly signal: AbortSignal }) => AsyncIterable<WatchEvent>;

function watchResources(deps: Deps, { backend, kind, selection }: Watched, token: string): AsyncIterable<WatchEvent> {
  const verb = requireVerb(kind, "WATCH", "watched");
  const fields = withoutEmpty({ org: backend.org, ...selection, showDeleted: undefined });
  requireFields(kind, verb, fields);
  const method = methodOf(verb);
  const request = create(method.input, {
    ...(token ? { resumeToken: token } : { sendInitial: true }),
    ...fields,
  } as never);
  const functions = backend.client().service(method.parent) as unknown as Readonly<Record<string, Call>>;
  const call = functions[method.localName];
  if (!call) throw new Error(`the client has no method ${verb.path}`);
  return call(request, { signal: deps.interrupt });
}

function isNew(event: WatchEvent, progress: Progress): boolean {
  if (event.type === WatchEventType.BOOKMARK) progress.initial.clear();
  const isInitial = progress.token === "" && event.type !== WatchEventType.BOOKMARK;
  // Within the changes of one commit there is no token: the one before stays until the commit is whole.
  if (!isInitial && event.resumeToken) progress.token = event.resumeToken;
  if (!event.object) return false;
  const { id, resourceVersion } = metadataOf(event.object);
  const version = `${id}@${resourceVersion}`;
  if (!isInitial) return true;
  const shown = progress.initial.has(version);
  progress.initial.add(version);
  return !shown;
}

/** One line per event; the kind of the event stands first. */
function formatChange({ type, json }: Change, { kind, format, table }: Watching, now: number): string {
  if (format === "json") return formatJsonLine(json);
  if (format === "yaml") return `---\n${formatYaml(json)}`;
  if (format === "name") return `${nameOf(kind, json.object)}\n`;
  const word = enumText(WatchEventTypeSchema, type);
  if (format === "delimited") return formatDelimited([word, ...cellsOf(kind, json.object, { wide: false })]);
  return table.row([word, ...cellsOf(kind, json.object, { wide: format === "wide", now })]);
}
