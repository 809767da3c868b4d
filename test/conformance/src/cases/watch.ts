import { WatchEventType as Type } from "@stigmer/contracts/commons";
import type { Reader } from "../calls.ts";
import type { Case } from "../case.ts";
import { check, refused, same } from "../checks.ts";
import type { Kind } from "../kinds.ts";
import { makeSome } from "../many.ts";
import { idOf, metadataOf, type ResourceEvent } from "../resource.ts";

/** What `watch` promises, of kinds that users make. */
export function watchCases(kind: Kind): readonly Case[] {
  return [...initialCases(kind), ...resumedCases(kind), ...selectedCases(kind)].map((body) => ({
    ...body,
    name: `${kind.name}: ${body.name}`,
    needs: ["stream"],
  }));
}

function initialCases(kind: Kind): readonly Case[] {
  return [
    {
      name: "watch begins with what is there, and a bookmark",
      async run(context) {
        const made = await makeSome(context, kind, 3);

        await using events = context.kind(kind).watch({ labelSelector: context.own, sendInitial: true });
        const seen = await events.until(isBookmark);

        same(seen.map(typeOf), ["ADDED", "ADDED", "ADDED", "BOOKMARK"], "types");
        same(
          seen.slice(0, -1).map(({ object }) => idOf(object)),
          made.map(idOf),
          "ids",
        );
        check(seen.at(-1)?.resumeToken, "the bookmark has no token");
        same(seen.at(-1)?.object, undefined, "object of the bookmark");
      },
    },
    {
      name: "watch of nothing begins with a bookmark",
      async run(context) {
        await using events = context.kind(kind).watch({ labelSelector: context.own, sendInitial: true });

        same(typeOf(await events.next()), "BOOKMARK", "type");
      },
    },
    {
      name: "watch sends each change once, in order, from its making to its end",
      async run(context) {
        const resources = context.kind(kind);
        await using events = resources.watch({ labelSelector: context.own, sendInitial: true });
        await events.until(isBookmark);

        const [made] = await makeSome(context, kind, 1);
        if (!made) return;
        metadataOf(made).displayName = "changed";
        await resources.update(made);
        await resources.delete({ id: idOf(made) });
        await resources.undelete({ id: idOf(made) });

        const seen = await take(events, 4);
        same(seen.map(typeOf), ["ADDED", "MODIFIED", "DELETED", "ADDED"], "types");
        same(new Set(seen.map(({ object }) => idOf(object))).size, 1, "number of ids");
        same(metadataOf(seen[1]?.object).displayName, "changed", "displayName");
      },
    },
    {
      name: "watch tells of a deletion with the last state",
      async run(context) {
        const [made] = await makeSome(context, kind, 1);
        await using events = context.kind(kind).watch({ labelSelector: context.own, sendInitial: true });
        await events.until(isBookmark);

        await context.kind(kind).delete({ id: idOf(made) });

        const gone = await next(events);
        same(typeOf(gone), "DELETED", "type");
        same(
          [idOf(gone.object), metadataOf(gone.object).labels],
          [idOf(made), metadataOf(made).labels],
          "id and labels",
        );
      },
    },
    {
      name: "watch does not begin with what is deleted",
      async run(context) {
        const [gone, kept] = await makeSome(context, kind, 2);
        await context.kind(kind).delete({ id: idOf(gone) });

        await using events = context.kind(kind).watch({ labelSelector: context.own, sendInitial: true });
        const seen = await events.until(isBookmark);

        same(
          seen.slice(0, -1).map(({ object }) => idOf(object)),
          [idOf(kept)],
          "ids",
        );
      },
    },
    {
      name: "watch refuses to begin anew and to go on at once",
      async run(context) {
        const { resumeToken } = await context.kind(kind).list({ labelSelector: context.own });
        await using events = context.kind(kind).watch({ labelSelector: context.own, sendInitial: true, resumeToken });

        await refused(events.next(), "INVALID_REQUEST");
      },
    },
  ];
}

function resumedCases(kind: Kind): readonly Case[] {
  return [
    {
      name: "watch misses nothing between a list and itself",
      async run(context) {
        const resources = context.kind(kind);
        const [before] = await makeSome(context, kind, 1);
        const { resumeToken } = await resources.list({ labelSelector: context.own });
        const after = await makeSome(context, kind, 2);
        await resources.delete({ id: idOf(before) });

        await using events = resources.watch({ labelSelector: context.own, resumeToken });

        const seen = await take(events, 3);
        same(seen.map(typeOf), ["ADDED", "ADDED", "DELETED"], "types");
        same(
          seen.map(({ object }) => idOf(object)),
          [...after.map(idOf), idOf(before)],
          "ids",
        );
      },
    },
    {
      name: "watch goes on where it stopped, again and again",
      async run(context) {
        const resources = context.kind(kind);
        const { resumeToken: start } = await resources.list({ labelSelector: context.own });
        const made = await makeSome(context, kind, 3);

        const ids: string[] = [];
        let resumeToken = start;
        while (ids.length < made.length) {
          await using events = resources.watch({ labelSelector: context.own, resumeToken });
          const event = await next(events);
          ids.push(idOf(event.object));
          resumeToken = event.resumeToken;
        }

        same(ids, made.map(idOf), "ids");
      },
    },
    {
      name: "watch goes on after its bookmark",
      async run(context) {
        const resources = context.kind(kind);
        await makeSome(context, kind, 2);
        const resumeToken = await bookmark(resources.watch({ labelSelector: context.own, sendInitial: true }));
        const [later] = await makeSome(context, kind, 1);

        await using events = resources.watch({ labelSelector: context.own, resumeToken });

        same(idOf((await next(events)).object), idOf(later), "id");
      },
    },
    {
      name: "two who watch see the same",
      async run(context) {
        const query = { labelSelector: context.own, sendInitial: true };
        await using one = context.kind(kind).watch(query);
        await using two = context.kind(kind).watch(query);
        await one.until(isBookmark);
        await two.until(isBookmark);

        await makeSome(context, kind, 2);

        const [first, second] = [await take(one, 2), await take(two, 2)];
        same(
          first.map(({ object }) => idOf(object)),
          second.map(({ object }) => idOf(object)),
          "ids",
        );
      },
    },
  ];
}

function selectedCases(kind: Kind): readonly Case[] {
  return [
    {
      name: "watch adds what comes to match its selector, and removes what no longer does",
      async run(context) {
        const resources = context.kind(kind);
        const [made] = await makeSome(context, kind, 1);
        if (!made) return;
        const label = async (labels: Record<string, string>, resource = made) => {
          metadataOf(resource).labels = { ...metadataOf(made).labels, ...labels };
          return await resources.update(resource);
        };
        await using events = resources.watch({ labelSelector: `${context.own},tier=gold`, sendInitial: true });
        await events.until(isBookmark);

        const gold = await label({ tier: "gold" });
        const still = await label({ tier: "gold", more: "x" }, gold);
        await label({ tier: "lead" }, still);

        same((await take(events, 3)).map(typeOf), ["ADDED", "MODIFIED", "DELETED"], "types");
      },
    },
    {
      name: "watch with a filter sends what it selects, and nothing else",
      async run(context) {
        const resources = context.kind(kind);
        const name = context.unique();
        const query = { labelSelector: context.own, filter: `metadata.name = "${name}"`, sendInitial: true };
        await using events = resources.watch(query);
        await events.until(isBookmark);

        await makeSome(context, kind, 1);
        const wanted = await resources.create(await context.sample(kind, { metadata: { name } }));

        same(idOf((await next(events)).object), idOf(wanted), "id");
      },
    },
    {
      name: "watch without a selector sees everything of its kind",
      async run(context) {
        await using events = context.kind(kind).watch({ sendInitial: true });
        await events.until(isBookmark);

        const [made] = await makeSome(context, kind, 1);

        const seen = await events.until(({ object }) => object !== undefined && idOf(object) === idOf(made));
        same(typeOf(seen.at(-1)), "ADDED", "type");
      },
    },
  ];
}

/** Bookmarks may come at any time. */
async function next(events: Reader<ResourceEvent>): Promise<ResourceEvent> {
  for (;;) {
    const event = await events.next();
    if (!isBookmark(event)) return event;
  }
}

async function take(events: Reader<ResourceEvent>, count: number): Promise<readonly ResourceEvent[]> {
  const seen: ResourceEvent[] = [];
  while (seen.length < count) seen.push(await next(events));
  return seen;
}

async function bookmark(watching: Reader<ResourceEvent>): Promise<string> {
  await using events = watching;
  return (await events.until(isBookmark)).at(-1)?.resumeToken ?? "";
}

function isBookmark({ type }: ResourceEvent): boolean {
  return type === Type.BOOKMARK;
}

function typeOf(event: ResourceEvent | undefined): string {
  return event ? Type[event.type] : "none";
}
