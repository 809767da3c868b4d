import { WatchEventType } from "@stigmer/contracts/commons";
import type { Case } from "../case.ts";
import { refused, same } from "../checks.ts";
import type { Kind } from "../kinds.ts";

type Change = (token: string) => { readonly resumeToken: string; readonly labelSelector?: string };

/** Watch tokens that nobody made, that were tampered with, or that belong to another watch; of every kind. */
export function watchTokenCases(kind: Kind): readonly Case[] {
  const changes: Readonly<Record<string, Change>> = {
    "that is made up": () => ({ resumeToken: "bm8gc3VjaCB0b2tlbg" }),
    "that is a version": () => ({ resumeToken: "1" }),
    "with NUL": (token) => ({ resumeToken: `${token}\u0000` }),
    "that is cut short": (token) => ({ resumeToken: token.slice(0, -2) }),
    "of which a letter is another": (token) => ({ resumeToken: flip(token, Math.floor(token.length / 2)) }),
    "of which the first letter is another": (token) => ({ resumeToken: flip(token, 0) }),
    "of another selector": (resumeToken) => ({ resumeToken, labelSelector: "other=selector" }),
  };
  return [
    ...Object.entries(changes).map(([what, change]) => tokenCase(kind, what, change)),
    foreignKind(kind),
    pageToken(kind),
    {
      name: `${kind.name}: watch of nothing says so with a bookmark`,
      needs: ["stream"],
      async run(context) {
        await using events = context.kind(kind).watch({ labelSelector: context.own, sendInitial: true });

        same((await events.next()).type, WatchEventType.BOOKMARK, "type");
      },
    },
  ];
}

function tokenCase(kind: Kind, what: string, change: Change): Case {
  return {
    name: `${kind.name}: watch refuses a token ${what}`,
    needs: ["stream"],
    async run(context) {
      const { resumeToken } = await context.kind(kind).list({ labelSelector: context.own });

      await using events = context.kind(kind).watch({ labelSelector: context.own, ...change(resumeToken) });

      await refused(events.next(), "WATCH_TOKEN_INVALID");
    },
  };
}

function foreignKind(kind: Kind): Case {
  return {
    name: `${kind.name}: watch refuses a token of another kind`,
    needs: ["stream"],
    async run(context) {
      const other = context.kinds.all.find(({ name }) => name !== kind.name) ?? kind;
      const { resumeToken } = await context.kind(other).list({});

      await using events = context.kind(kind).watch({ resumeToken });

      await refused(events.next(), "WATCH_TOKEN_INVALID");
    },
  };
}

function pageToken(kind: Kind): Case {
  return {
    name: `${kind.name}: list refuses a token of a watch as its page token`,
    async run(context) {
      const { resumeToken } = await context.kind(kind).list({});

      await refused(context.kind(kind).list({ pageToken: resumeToken }), "PAGE_TOKEN_INVALID");
    },
  };
}

function flip(token: string, at: number): string {
  return `${token.slice(0, at)}${token[at] === "A" ? "B" : "A"}${token.slice(at + 1)}`;
}
