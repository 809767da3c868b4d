import { toJson } from "@bufbuild/protobuf";
import { WatchEventType, WatchEventTypeSchema } from "@stigmer/contracts/commons";
import type { Command } from "commander";
import { type Backend, openBackend } from "../backend/open-backend.ts";
import { createReconnect, ENDED_EARLY, type Reconnect } from "../backend/reconnect.ts";
import { type GlobalOptions, newLeaf, optionsOf } from "../command-line.ts";
import type { Deps } from "../deps.ts";
import { cellsOf, enumText, headingsOf, metadataOf } from "../kinds/columns.ts";
import { allKinds, findKind, type Kind, registry } from "../kinds/kinds.ts";
import { type WatchEvent, watchResources, watchSchema } from "../kinds/resources.ts";
import { type Format, formatOf } from "../output/format.ts";
import { formatJsonLine, formatYaml } from "../output/structured.ts";
import { formatDelimited, type GrowingTable, growingTable } from "../output/table.ts";

export type Options = GlobalOptions & { readonly kind: string };

export function newWatchCommand(deps: Deps, run = watch): Command {
  return newLeaf("watch", "Shows what is there of a kind, then each change as it comes, until Ctrl-C.")
    .argument("<kind>", "kind of the resources")
    .action((kind: string, _, command: Command) => run(deps, { ...optionsOf<GlobalOptions>(command), kind }));
}

/** Follows a kind. Where the connection breaks it goes on after the last event, so that none is lost or shown twice. */
export async function watch(deps: Deps, options: Options): Promise<void> {
  const kind = findKind(allKinds(), options.kind);
  const format = formatOf(options.output, { isTTY: deps.stdout.isTTY, allowed: ["table", "wide", "json", "yaml"] });
  await using backend = await openBackend(deps, options);
  const reconnect = createReconnect(deps);
  const table = growingTable(["event", ...headingsOf(kind, { wide: format === "wide" })]);
  if (format === "table" || format === "wide") await deps.stdout.write(table.head());
  const progress: Progress = { token: "", initial: new Set() };
  for (;;) {
    try {
      await follow(deps, { backend, kind, format, reconnect, table }, progress);
      throw ENDED_EARLY;
    } catch (error) {
      await reconnect.waitAfter(error);
      await backend.reopen();
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

type Following = {
  readonly backend: Backend;
  readonly kind: Kind;
  readonly format: Format;
  readonly reconnect: Reconnect;
  readonly table: GrowingTable;
};

async function follow(deps: Deps, following: Following, progress: Progress): Promise<void> {
  const { backend, kind, reconnect } = following;
  const call = { resumeToken: progress.token, signal: deps.interrupt };
  for await (const event of watchResources(backend.client(), kind, call)) {
    await reconnect.arrived();
    if (isNew(event, progress)) await deps.stdout.write(formatEvent(event, following, deps.clock.now()));
  }
}

function isNew(event: WatchEvent, progress: Progress): boolean {
  if (event.type === WatchEventType.BOOKMARK) progress.initial.clear();
  const isInitial = progress.token === "" && event.type !== WatchEventType.BOOKMARK;
  if (!isInitial) progress.token = event.resumeToken;
  if (!event.object) return false;
  const { id, resourceVersion } = metadataOf(event.object);
  const version = `${id}@${resourceVersion}`;
  if (!isInitial) return true;
  const shown = progress.initial.has(version);
  progress.initial.add(version);
  return !shown;
}

/** One line per event; the kind of the event stands first. */
function formatEvent(event: WatchEvent, { kind, format, table }: Following, now: number): string {
  if (!event.object) return "";
  if (format === "json") return formatJsonLine(toJson(watchSchema(kind), event, { registry }));
  if (format === "yaml") return `---\n${formatYaml(toJson(watchSchema(kind), event, { registry }))}`;
  const type = enumText(WatchEventTypeSchema, event.type);
  if (format === "delimited") return formatDelimited([type, ...cellsOf(kind, event.object, { wide: false })]);
  return table.row([type, ...cellsOf(kind, event.object, { wide: format === "wide", now })]);
}
