import type { Case } from "../case.ts";
import { check, refused, same } from "../checks.ts";
import { isUsers, type Kind } from "../kinds.ts";
import { makeSome } from "../many.ts";
import { idOf } from "../resource.ts";

/** What `list` promises of every kind. */
export function listCases(kind: Kind): readonly Case[] {
  return [...anyKindCases(kind), ...(isUsers(kind) ? usersKindCases(kind) : [])];
}

function anyKindCases(kind: Kind): readonly Case[] {
  const { name } = kind;
  return [
    {
      name: `${name}: list gives a page, a version and a token for a watch`,
      async run(context) {
        const page = await context.kind(kind).list({});

        check(page.items.length <= 50, "a page of no stated size holds more than 50");
        check(page.resourceVersion !== "" && page.resumeToken !== "", "resourceVersion or resumeToken is empty");
        const ids = page.items.map(idOf);
        same([...ids].sort(bytewise), ids, "ids in order");
      },
    },
    {
      name: `${name}: list of what nobody made is empty, and has no further page`,
      async run(context) {
        const { items, nextPageToken } = await context.kind(kind).list({ labelSelector: context.own });

        same([items, nextPageToken], [[], ""], "items and token");
      },
    },
    {
      name: `${name}: list refuses an organization that there is none of`,
      run: async (context) =>
        void (await refused(context.kind(kind).list({ org: context.unique() }), "RESOURCE_NOT_FOUND")),
    },
    ...tokens(kind),
  ];
}

/** Page tokens that nobody made. */
function tokens(kind: Kind): readonly Case[] {
  const forged = {
    "made up": "bm8gc3VjaCB0b2tlbg",
    "not of base64": "no such token!",
    "of one letter": "x",
    "with NUL": "a\u0000b",
  };
  return Object.entries(forged).map(([what, pageToken]) => ({
    name: `${kind.name}: list refuses a page token that is ${what}`,
    run: async (context) => void (await refused(context.kind(kind).list({ pageToken }), "PAGE_TOKEN_INVALID")),
  }));
}

function usersKindCases(kind: Kind): readonly Case[] {
  const { name } = kind;
  return [
    {
      name: `${name}: list walks page by page through everything, once and in order of id`,
      async run(context) {
        const made = await makeSome(context, kind, 5);

        const pages: string[][] = [];
        let pageToken = "";
        do {
          const page = await context.kind(kind).list({ labelSelector: context.own, pageSize: 2, pageToken });
          pages.push(page.items.map(idOf));
          pageToken = page.nextPageToken;
        } while (pageToken !== "" && pages.length < 10);

        same(
          pages.map(({ length }) => length),
          [2, 2, 1],
          "sizes of pages",
        );
        same(pages.flat(), made.map(idOf).sort(bytewise), "ids");
      },
    },
    {
      name: `${name}: a walk misses nothing that is there throughout, while others come and go`,
      async run(context) {
        const made = await makeSome(context, kind, 4);
        const page = { labelSelector: context.own, pageSize: 2 };
        const first = await context.kind(kind).list(page);
        await context.kind(kind).delete({ id: idOf(made[0]) });
        await makeSome(context, kind, 1);

        const second = await context.kind(kind).list({ ...page, pageToken: first.nextPageToken });

        same(first.items.map(idOf), made.slice(0, 2).map(idOf), "ids of the first page");
        same(second.items.map(idOf), made.slice(2).map(idOf), "ids of the second page");
      },
    },
    {
      name: `${name}: ids rise in the order in which resources are made`,
      async run(context) {
        const ids = (await makeSome(context, kind, 3)).map(idOf);

        same([...ids].sort(bytewise), ids, "ids");
      },
    },
    {
      name: `${name}: list shows a resource as get does`,
      async run(context) {
        const [made] = await makeSome(context, kind, 1);

        const { items } = await context.kind(kind).list({ labelSelector: context.own });

        same(items[0], await context.kind(kind).get({ id: idOf(made) }), "resource");
      },
    },
  ];
}

function bytewise(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
