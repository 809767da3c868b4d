import { create, type DescMessage, type Message } from "@bufbuild/protobuf";
import { WatchEventType } from "@stigmer/contracts/commons";
import type { Change, Row } from "@stigmer/store";
import type { Kind, Resource } from "../kind.ts";
import type { Predicate } from "../select/condition.ts";
import { shownRow } from "../stored.ts";

/** Events that go out together, in order. Many watches send the same ones: nobody may change them. */
export type EventBatch = {
  readonly messages: readonly Message[];
  /** The revision of the first. */
  readonly revision: number;
  /** The newest revision whose commit is whole with them; undefined where none is. */
  readonly whole: number | undefined;
};

/** So much is made for a reader before it is known whether it takes it. */
const BATCH_BYTES = 64 * 1024;

/** Makes the events of all watches of a kind; what they have in common is made once. */
export type EventMaker = {
  /** Takes part in what is shared by watches with the same selection, until it is disposed of. */
  join(query: SharedQuery): Disposable & SelectionEvents;
};

export type SelectionEvents = {
  /** The events for changes that are whole commits, in order; none for what was not selected before and is not now. */
  of(changes: readonly Change[]): readonly EventBatch[];
  /** What is there already. */
  added(rows: readonly Row[]): Iterable<readonly Message[]>;
  bookmark(revision: number): Message;
};

export type SharedQuery = {
  readonly fingerprint: string;
  readonly matches: Predicate;
  readonly tokenOf: (revision: number) => string;
};

/** An event of a commit, and whether the commit is whole with it. */
type WatchEvent = { readonly message: Message; readonly change: Change; readonly isWhole: boolean };

type Shared = { readonly events: SelectionEvents; watches: number };

export function createEventMaker(kind: Kind, output: DescMessage): EventMaker {
  const objects = new WeakMap<Change, Resource>();
  const shared = new Map<string, Shared>();

  function objectOf(change: Change): Resource {
    const object = objects.get(change) ?? shownRow(kind, change.row);
    objects.set(change, object);
    return object;
  }

  return {
    join(query) {
      const known = shared.get(query.fingerprint) ?? { events: selectionEvents(query), watches: 0 };
      shared.set(query.fingerprint, known);
      known.watches++;
      return {
        ...known.events,
        [Symbol.dispose]() {
          if (--known.watches === 0) shared.delete(query.fingerprint);
        },
      };
    },
  };

  function selectionEvents({ matches, tokenOf }: SharedQuery): SelectionEvents {
    const made = new WeakMap<Change, WatchEvent>();
    const batches = new WeakMap<readonly Change[], readonly EventBatch[]>();
    const build = (fields: object): Message => create(output, fields as never);

    function eventOf(change: Change, type: WatchEventType, isWhole: boolean): WatchEvent {
      const known = made.get(change);
      if (known !== undefined) return known;
      const resumeToken = isWhole ? tokenOf(change.revision) : "";
      const message = build({ type, object: objectOf(change), resumeToken });
      const event = { message, change, isWhole };
      made.set(change, event);
      return event;
    }

    function eventsOf(changes: readonly Change[]): readonly WatchEvent[] {
      const selected = changes.flatMap((change) => {
        const type = eventType(change, matches);
        return type === undefined ? [] : [{ change, type }];
      });
      return selected.map(({ change, type }, at) =>
        eventOf(change, type, selected[at + 1]?.change.revision !== change.revision),
      );
    }

    return {
      of(changes) {
        const known = batches.get(changes) ?? inBatches(eventsOf(changes), ({ change }) => change.row).map(batchOf);
        batches.set(changes, known);
        return known;
      },
      *added(rows) {
        const added = (row: Row) => build({ type: WatchEventType.ADDED, object: shownRow(kind, row) });
        for (const batch of inBatches(rows, (row) => row)) yield batch.map(added);
      },
      bookmark: (revision) => build({ type: WatchEventType.BOOKMARK, resumeToken: tokenOf(revision) }),
    };
  }
}

function batchOf(events: readonly WatchEvent[]): EventBatch {
  return {
    messages: events.map(({ message }) => message),
    revision: events[0]?.change.revision ?? 0,
    whole: events.findLast(({ isWhole }) => isWhole)?.change.revision,
  };
}

/** Parts of a list, none of whose rows are more than `BATCH_BYTES` together; a larger row stands alone. */
function inBatches<T>(list: readonly T[], rowOf: (one: T) => Row): readonly (readonly T[])[] {
  const batches: T[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const one of list) {
    const { length } = rowOf(one).bytes;
    if (bytes + length > BATCH_BYTES) {
      batches.push([]);
      bytes = 0;
    }
    batches.at(-1)?.push(one);
    bytes += length;
  }
  return batches;
}

/** What a change is to who sees only what matches; undefined where it is nothing. */
function eventType({ type, created, row, before }: Change, matches: Predicate): WatchEventType | undefined {
  const is = matches(row);
  if (type === "delete") return is ? WatchEventType.DELETED : undefined;
  const was = !created && (before === undefined ? is : matches(before));
  if (is) return was ? WatchEventType.MODIFIED : WatchEventType.ADDED;
  return was ? WatchEventType.DELETED : undefined;
}
