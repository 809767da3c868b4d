import type { Case, Context } from "../case.ts";
import { refused, same } from "../checks.ts";
import type { Kind } from "../kinds.ts";
import { makeSome } from "../many.ts";
import { idOf } from "../resource.ts";

/** Page tokens that somebody made, and that were tampered with or brought to another query. */
export function pageTokenCases(kind: Kind): readonly Case[] {
  const tampered = {
    "that is cut short": (token: string) => token.slice(0, -2),
    "of which a letter is another": (token: string) => flip(token, Math.floor(token.length / 2)),
    "of which the first letter is another": (token: string) => flip(token, 0),
    "to which something is added": (token: string) => `${token}AAAA`,
  };
  const foreign = {
    "with another selector": (own: string) => ({ labelSelector: `${own},x!=y` }),
    "with a filter": (own: string) => ({ labelSelector: own, filter: 'metadata.name = "x"' }),
    "without its selector": () => ({}),
    "that shows what is deleted": (own: string) => ({ labelSelector: own, showDeleted: true }),
  };
  return [
    ...Object.entries(tampered).map(([what, change]) =>
      refusedCase(kind, `refuses a page token ${what}`, (context, pageToken) =>
        context.kind(kind).list({ labelSelector: context.own, pageSize: 1, pageToken: change(pageToken) }),
      ),
    ),
    ...Object.entries(foreign).map(([what, query]) =>
      refusedCase(kind, `refuses the page token of one query in one ${what}`, (context, pageToken) =>
        context.kind(kind).list({ ...query(context.own), pageSize: 1, pageToken }),
      ),
    ),
    refusedCase(kind, "refuses the page token of another kind", async (context, pageToken) => {
      const other = context.kinds.all.find(({ name }) => name !== kind.name) ?? kind;
      return context.kind(other).list({ labelSelector: context.own, pageSize: 1, pageToken });
    }),
    {
      name: `${kind.name}: list takes a page token again`,
      async run(context) {
        const made = await makeSome(context, kind, 3);
        const query = { labelSelector: context.own, pageSize: 1 };
        const { nextPageToken: pageToken } = await context.kind(kind).list(query);

        for (let count = 0; count < 2; count++) {
          const { items } = await context.kind(kind).list({ ...query, pageToken });
          same(items.map(idOf), [idOf(made[1])], "ids");
        }
      },
    },
  ];
}

function refusedCase(kind: Kind, what: string, ask: (context: Context, token: string) => Promise<unknown>): Case {
  return {
    name: `${kind.name}: list ${what}`,
    async run(context) {
      await makeSome(context, kind, 2);
      const { nextPageToken } = await context.kind(kind).list({ labelSelector: context.own, pageSize: 1 });

      await refused(ask(context, nextPageToken), "PAGE_TOKEN_INVALID");
    },
  };
}

function flip(token: string, at: number): string {
  return `${token.slice(0, at)}${token[at] === "A" ? "B" : "A"}${token.slice(at + 1)}`;
}
