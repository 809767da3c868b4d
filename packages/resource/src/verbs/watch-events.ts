import { create, type DescMessage, type Message } from "@bufbuild/protobuf";
import { WatchEventType } from "@stigmer/contracts/commons";
import type { Change, Row } from "@stigmer/store";
import type { Kind, Resource } from "../kind.ts";
import type { Predicate } from "../select/condition.ts";
import { fromRow } from "../stored.ts";

/** An event of a commit, and whether the commit is whole with it. Many watches send the same one: nobody may change it. */
export type WatchEvent = { readonly message: Message; readonly revision: number; readonly isWhole: boolean };

/** Makes the events of all watches of a kind; what they have in common is made once. */
export type EventMaker = {
  /** Takes part in what is shared by watches with the same selection, until it is disposed of. */
  join(query: SharedQuery): Disposable & SelectionEvents;
};

export type SelectionEvents = {
  /** The events for changes that are whole commits, in order; none for what was not selected before and is not now. */
  of(changes: readonly Change[]): readonly WatchEvent[];
  added(row: Row): Message;
  bookmark(revision: number): Message;
};

export type SharedQuery = {
  readonly fingerprint: string;
  readonly matches: Predicate;
  readonly tokenOf: (revision: number) => string;
};

type Shared = { readonly events: SelectionEvents; watches: number };

export function createEventMaker(kind: Kind, output: DescMessage): EventMaker {
  const objects = new WeakMap<Change, Resource>();
  const shared = new Map<string, Shared>();

  function objectOf(change: Change): Resource {
    const object = objects.get(change) ?? fromRow(kind, change.row);
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
    const build = (fields: object): Message => create(output, fields as never);

    function eventOf(change: Change, type: WatchEventType, isWhole: boolean): WatchEvent {
      const known = made.get(change);
      if (known !== undefined) return known;
      const { revision } = change;
      const resumeToken = isWhole ? tokenOf(revision) : "";
      const message = build({ type, object: objectOf(change), resumeToken });
      const event = { message, revision, isWhole };
      made.set(change, event);
      return event;
    }

    return {
      of(changes) {
        const selected = changes.flatMap((change) => {
          const type = eventType(change, matches);
          return type === undefined ? [] : [{ change, type }];
        });
        return selected.map(({ change, type }, at) =>
          eventOf(change, type, selected[at + 1]?.change.revision !== change.revision),
        );
      },
      added: (row) => build({ type: WatchEventType.ADDED, object: fromRow(kind, row) }),
      bookmark: (revision) => build({ type: WatchEventType.BOOKMARK, resumeToken: tokenOf(revision) }),
    };
  }
}

/** What a change is to who sees only what matches; undefined where it is nothing. */
function eventType({ type, created, row, before }: Change, matches: Predicate): WatchEventType | undefined {
  const is = matches(row);
  if (type === "delete") return is ? WatchEventType.DELETED : undefined;
  const was = !created && (before === undefined ? is : matches(before));
  if (is) return was ? WatchEventType.MODIFIED : WatchEventType.ADDED;
  return was ? WatchEventType.DELETED : undefined;
}
