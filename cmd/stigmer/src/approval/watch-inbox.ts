import { isFault } from "@stigmer/base";
import { ApprovalSchema } from "@stigmer/contracts/agentic";
import { WatchEventType, WatchEventTypeSchema } from "@stigmer/contracts/commons";
import type { Backend } from "../backend/open-backend.ts";
import type { Deps } from "../deps.ts";
import { metadataOf, nameOf, type Resource } from "../kinds/columns.ts";
import { kindOfMessage } from "../kinds/kinds.ts";
import { changesOf } from "../kinds/watching.ts";
import type { Format } from "../output/format.ts";
import { formatJsonLine } from "../output/structured.ts";
import { growingTable } from "../output/table.ts";
import { formatYaml } from "../output/yaml.ts";
import { changed, type Inbox, sorted, wordOf } from "./inbox.ts";
import { formatInbox, inboxCells, inboxHeadings, inboxRow } from "./inbox-table.ts";
import { type InboxSelection, readInbox, selectionOf } from "./read-inbox.ts";

export type WatchingInbox = { readonly selection: InboxSelection; readonly format: Format };

/** Keeps an inbox current until Ctrl-C: on a terminal a table that is drawn anew, else one line per change. */
export async function watchInbox(deps: Deps, backend: Backend, of: WatchingInbox): Promise<never> {
  const isTable = of.format === "table" || of.format === "wide";
  const screen = isTable && deps.stdout.isTTY ? drawnInbox(deps, of) : writtenInbox(deps, of);
  try {
    await screen.open();
    for (;;) await followInbox(deps, { backend, of, screen });
  } finally {
    await screen.close();
  }
}

/** What is said of an approval where changes are written one by one. */
type Line = {
  readonly approval: Resource;
  readonly word: string;
  /** The change as the contract's JSON names it. */
  readonly type: string;
};

type Screen = {
  open(): Promise<void>;
  /** What is there; told again after a list was read anew. */
  is(inbox: Inbox): Promise<void>;
  became(inbox: Inbox, line: Line): Promise<void>;
  close(): Promise<void>;
};

type Following = { readonly backend: Backend; readonly of: WatchingInbox; readonly screen: Screen };

/** Until the backend has forgotten what a watch would go on from; then the list must be read anew. */
async function followInbox(deps: Deps, { backend, of, screen }: Following): Promise<void> {
  const { selection } = of;
  const read = await readInbox(backend.client(), selection, { signal: deps.interrupt });
  let inbox: Inbox = new Map(read.items.map((item) => [metadataOf(item).id, item]));
  await screen.is(inbox);
  const kind = kindOfMessage(ApprovalSchema);
  const watched = { backend, kind, selection: selectionOf(selection), resumeToken: read.resumeToken };
  try {
    for await (const { type, json } of changesOf(deps, watched)) {
      const change = { approval: json.object, gone: type === WatchEventType.DELETED };
      const next = changed(inbox, change, selection);
      inbox = next.inbox;
      const line = { approval: json.object, word: next.word, type: String(json.type) };
      if (next.word) await screen.became(inbox, line);
    }
  } catch (error) {
    if (!isFault(error, "WATCH_TOKEN_EXPIRED") && !isFault(error, "READER_TOO_SLOW")) throw error;
  }
}

const TICK_MS = 1000;
/** A screen of its own, so that what stood on the terminal is there again afterwards; no cursor. */
const ENTER = "\x1b[?1049h\x1b[?25l";
const LEAVE = "\x1b[?25h\x1b[?1049l";
const HOME_AND_CLEAR = "\x1b[H\x1b[J";

/** Drawn anew after each change, and where time alone changes what it says. */
function drawnInbox(deps: Deps, { format, selection }: WatchingInbox): Screen {
  const closed = new AbortController();
  let shown: Inbox | undefined;
  let drawn = "";
  const draw = async (): Promise<void> => {
    if (!shown) return;
    const table = { wide: format === "wide", all: selection.all, columns: deps.stdout.columns, now: deps.clock.now() };
    const text = shown.size > 0 ? formatInbox(sorted(shown.values()), table) : "nothing waits for a decision\n";
    const hint = "\ndecide: stigmer approval approve <id>, or reject, skip, show; Ctrl-C ends this list\n";
    if (text === drawn) return;
    drawn = text;
    await deps.stdout.write(`${HOME_AND_CLEAR}${text}${hint}`);
  };
  const tick = async (): Promise<void> => {
    while (!closed.signal.aborted && !deps.interrupt.aborted) {
      await draw();
      await deps.sleep(TICK_MS, AbortSignal.any([closed.signal, deps.interrupt]));
    }
  };
  let ticking = Promise.resolve();
  return {
    async open() {
      await deps.stdout.write(ENTER);
      ticking = tick();
    },
    async is(inbox) {
      shown = inbox;
      await draw();
    },
    async became(inbox) {
      shown = inbox;
      await draw();
    },
    async close() {
      closed.abort();
      await ticking;
      await deps.stdout.write(LEAVE);
    },
  };
}

/** One line for each approval that is there, then one for each change. What a list that is read anew repeats is left out. */
function writtenInbox(deps: Deps, { format, selection }: WatchingInbox): Screen {
  const headed = { wide: format === "wide", all: selection.all };
  const table = growingTable(["change", ...inboxHeadings(headed)]);
  let before: Inbox = new Map();
  const write = async (line: Line): Promise<void> => {
    const cells = (): string[] => [line.word, ...inboxCells(line.approval, { ...headed, now: deps.clock.now() })];
    await deps.stdout.write(lineText(line, format, () => table.row(cells())));
  };
  return {
    async open() {
      if (format === "table" || format === "wide") await deps.stdout.write(table.head());
    },
    async is(inbox) {
      for (const [id, approval] of before)
        if (!inbox.has(id)) await write({ approval, word: "gone", type: nameOfType(WatchEventType.DELETED) });
      for (const [id, approval] of inbox)
        if (!before.has(id)) await write({ approval, word: wordOf(approval), type: nameOfType(WatchEventType.ADDED) });
      before = inbox;
    },
    async became(inbox, line) {
      before = inbox;
      await write(line);
    },
    close: async () => undefined,
  };
}

function lineText({ approval, word, type }: Line, format: Format, row: () => string): string {
  if (format === "json") return formatJsonLine({ type, object: approval });
  if (format === "yaml") return `---\n${formatYaml({ type, object: approval })}`;
  if (format === "name") return `${nameOf(kindOfMessage(ApprovalSchema), approval)}\n`;
  return format === "delimited" ? inboxRow(approval, [word]) : row();
}

function nameOfType(type: WatchEventType): string {
  return WatchEventTypeSchema.value[type]?.name ?? "";
}
