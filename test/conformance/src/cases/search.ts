import { ApiResourceQueryController } from "@stigmer/contracts/commons";
import type { Case, Context } from "../case.ts";
import { refused, same } from "../checks.ts";
import { idOf, nameOf, type Resource } from "../resource.ts";

const feature = ApiResourceQueryController.typeName;

/** What `search` promises. */
export const searchCases: readonly Case[] = [
  found(
    "by a word of its display name, in any case",
    (word) => ({ metadata: { displayName: `The ${word} one` } }),
    (word) => word.toUpperCase(),
  ),
  found("by a word of its description", (word) => ({ spec: { description: `About ${word}.` } })),
  found("by the value of a label", (word) => ({ metadata: { labels: { topic: word } } })),
  found(
    "by two words that stand in different fields",
    (word) => ({
      metadata: { displayName: `one ${word}` },
      spec: { description: "kept beside" },
    }),
    (word) => `${word} beside`,
  ),
  {
    name: "search: finds a resource by its name, and says where the word was",
    feature,
    async run(context) {
      const made = await context.kind("Agent").create(await context.sample("Agent"));

      const { hits } = await search(context, { query: nameOf(made) });

      same(
        hits.map(({ id }) => id),
        [idOf(made)],
        "ids",
      );
      same(
        [hits[0]?.kind, hits[0]?.name, hits[0]?.path],
        ["Agent", nameOf(made), "metadata.name"],
        "kind, name and path",
      );
    },
  },
  {
    name: "search: finds nothing where one of the words is missing",
    feature,
    async run(context) {
      const made = await context.kind("Agent").create(await context.sample("Agent"));

      same((await search(context, { query: `${nameOf(made)} nosuchword` })).hits, [], "hits");
    },
  },
  {
    name: "search: looks in the kinds that are named, in order of kind",
    feature,
    async run(context) {
      const { word, made } = await oneOfEach(context);

      const all = await search(context, { query: word });
      const one = await search(context, { query: word, kinds: ["McpServer"] });

      same(
        all.hits.map(({ kind }) => kind),
        ["Agent", "McpServer"],
        "kinds",
      );
      same(
        one.hits.map(({ id }) => id),
        [idOf(made[1])],
        "ids",
      );
    },
  },
  {
    name: "search: pages, and binds its tokens to the query",
    feature,
    async run(context) {
      const { word, made } = await oneOfEach(context);
      const first = await search(context, { query: word, pageSize: 1 });
      const ids = first.hits.map(({ id }) => id);
      for (let pageToken = first.nextPageToken; pageToken !== ""; ) {
        const page = await search(context, { query: word, pageSize: 1, pageToken });
        ids.push(...page.hits.map(({ id }) => id));
        pageToken = page.nextPageToken;
      }

      same(ids, made.map(idOf), "ids");
      const foreign = search(context, { query: "other", pageSize: 1, pageToken: first.nextPageToken });
      await refused(foreign, "PAGE_TOKEN_INVALID");
    },
  },
  {
    name: "search: leaves out what is deleted",
    feature,
    async run(context) {
      const made = await context.kind("Agent").create(await context.sample("Agent"));
      await context.kind("Agent").delete({ id: idOf(made) });

      same((await search(context, { query: nameOf(made) })).hits, [], "hits");
    },
  },
  {
    name: "search: refuses a kind that there is none of",
    feature,
    run: async (context) =>
      void (await refused(search(context, { query: "x", kinds: ["NoSuch"] }), "KIND_UNKNOWN", "kinds")),
  },
];

function found(how: string, change: (word: string) => object, ask = (word: string) => word): Case {
  return {
    name: `search: finds a resource ${how}`,
    feature,
    async run(context) {
      const word = wordOf(context);
      const made = await context.kind("Agent").create(await context.sample("Agent", change(word) as never));

      const { hits } = await search(context, { query: ask(word) });

      same(
        hits.map(({ id }) => id),
        [idOf(made)],
        "ids",
      );
    },
  };
}

async function oneOfEach(context: Context): Promise<{ word: string; made: readonly [Resource, Resource] }> {
  const word = wordOf(context);
  const change = { metadata: { displayName: word } };
  const agent = await context.kind("Agent").create(await context.sample("Agent", change));
  const server = await context.kind("McpServer").create(await context.sample("McpServer", change));
  return { word, made: [agent, server] };
}

/** A word that stands nowhere else. */
function wordOf(context: Context): string {
  return `w${context.unique().replaceAll("-", "")}`;
}

function search(context: Context, request: { query: string; kinds?: string[]; pageSize?: number; pageToken?: string }) {
  return context.call(ApiResourceQueryController.method.search, request);
}
