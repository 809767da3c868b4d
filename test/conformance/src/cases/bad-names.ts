import { Verb } from "@stigmer/contracts/commons";
import type { Case } from "../case.ts";
import { refusalOf, refused, same } from "../checks.ts";
import type { Kind } from "../kinds.ts";
import { metadataOf, nameOf } from "../resource.ts";

const BAD_NAMES = {
  "in capitals": "Upper",
  "with a Cyrillic letter that looks Latin": "p\u0430ypal",
  "with an Arabic word": "\u0627\u0633\u0645",
  "with a right-to-left override": "abc\u202egpj",
  "with a zero-width joiner": "ab\u200dc",
  "with a combining mark": "cafe\u0301",
  "with an emoji": "a\u{1f600}",
  "with NUL": "a\u0000b",
  "with a line break": "a\nb",
  "with a space": "a b",
  "with a slash": "a/b",
  "with dots": "../a",
  "that begins with a digit": "1a",
  "that begins with a hyphen": "-a",
  "that ends with a hyphen": "a-",
  "of 64 characters": "a".repeat(64),
  "of a million characters": "a".repeat(1_000_000),
} as const;

/** Names that nobody may have, in create and wherever one is looked up. */
export function badNameCases(kind: Kind): readonly Case[] {
  const refusals = Object.entries(BAD_NAMES).map(
    ([what, bad]): Case => ({
      name: `${kind.name}: a name ${what} is refused, and never found`,
      async run(context) {
        const resources = context.kind(kind);
        const sample = await context.sample(kind);
        metadataOf(sample).name = bad;

        await refused(resources.create(sample), "INVALID_REQUEST", "metadata.name");

        const { reason } = await refusalOf(resources.getByReference({ name: bad }));
        same(["RESOURCE_NOT_FOUND", "INVALID_REQUEST"].includes(reason), true, `reason ${reason} is one of the two`);
      },
    }),
  );
  return [...refusals, longestName(kind), longGenerateName(kind), emptyReference(kind)];
}

function longestName(kind: Kind): Case {
  return {
    name: `${kind.name}: a name of 63 characters is taken, and found`,
    async run(context) {
      const name = context.unique().padEnd(63, "0");
      await context.kind(kind).create(await context.sample(kind, { metadata: { name } }));

      same(nameOf(await context.kind(kind).getByReference({ name })), name, "name");
    },
  };
}

function longGenerateName(kind: Kind): Case {
  return {
    name: `${kind.name}: generateName is refused where it is too long or no beginning of a name`,
    async run(context) {
      for (const generateName of ["a".repeat(59), "A-", "-"]) {
        const sample = await context.sample(kind, { metadata: { name: null, generateName } });
        await refused(context.kind(kind).create(sample), "INVALID_REQUEST", "metadata.generateName");
      }
    },
  };
}

function emptyReference(kind: Kind): Case {
  return {
    name: `${kind.name}: a reference without a name is refused`,
    run: async (context) =>
      void (await refused(
        context.call(context.kind(kind).unary(Verb.GET_BY_REFERENCE), {}),
        "INVALID_REQUEST",
        "name",
      )),
  };
}
