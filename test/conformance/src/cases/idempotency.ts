import { anyPack, anyUnpack } from "@bufbuild/protobuf/wkt";
import { ApiResourceCommandController } from "@stigmer/contracts/commons";
import type { CallOptions } from "../calls.ts";
import type { Case, Context } from "../case.ts";
import { check, refused, same } from "../checks.ts";
import type { KindClient } from "../kind-client.ts";
import type { Kind } from "../kinds.ts";
import { idOf, metadataOf, type Resource } from "../resource.ts";

type Command = {
  readonly name: string;
  /** Makes what the command needs, and returns the command, to be called with one request or another. */
  readonly prepare: (
    context: Context,
    resources: KindClient,
  ) => Promise<(other: boolean, options: CallOptions) => Call>;
  readonly feature?: string;
};
type Call = Promise<unknown>;

/** Every command of a kind, called twice with one key. */
export function idempotencyCases(kind: Kind): readonly Case[] {
  const commands = COMMANDS.filter(({ name }) => name !== "tag" || kind.options.revisions);
  return [...commands.flatMap((command) => commandCases(kind, command)), ...keyCases(kind)];
}

const COMMANDS: readonly Command[] = [
  {
    name: "create",
    async prepare(context, resources) {
      const [one, two] = [await context.sample(resources.kind), await context.sample(resources.kind)];
      return (other, options) => resources.create(other ? two : one, options);
    },
  },
  {
    name: "update",
    async prepare(context, resources) {
      const made = await resources.create(await context.sample(resources.kind));
      const change = (displayName: string) => ({ ...made, metadata: { ...metadataOf(made), displayName } }) as Resource;
      return (other, options) => resources.update(change(other ? "other" : "one"), options);
    },
  },
  {
    name: "delete",
    async prepare(context, resources) {
      const [one, two] = await pair(context, resources);
      return (other, options) => resources.delete({ id: other ? two : one }, options);
    },
  },
  {
    name: "undelete",
    async prepare(context, resources) {
      const [one, two] = await pair(context, resources);
      await resources.delete({ id: one });
      return (other, options) => resources.undelete({ id: other ? two : one }, options);
    },
  },
  {
    name: "purge",
    async prepare(context, resources) {
      const [one, two] = await pair(context, resources);
      await resources.delete({ id: one });
      return (other, options) => resources.purge({ id: other ? two : one }, options);
    },
  },
  {
    name: "tag",
    async prepare(context, resources) {
      const [id] = await pair(context, resources);
      return (other, options) => resources.tag({ id, tag: other ? "other" : "one" }, options);
    },
  },
  {
    name: "apply",
    feature: ApiResourceCommandController.typeName,
    async prepare(context, { kind }) {
      const [one, two] = [await context.sample(kind), await context.sample(kind)];
      const { apply } = ApiResourceCommandController.method;
      return async (other, options) => {
        const answer = await context.call(apply, { resource: anyPack(kind.schema, other ? two : one) }, options);
        const made = answer.resource && anyUnpack(answer.resource, kind.schema);
        if (made) context.made(kind, made);
        return answer;
      };
    },
  },
];

async function pair(context: Context, resources: KindClient): Promise<readonly [string, string]> {
  const one = await resources.create(await context.sample(resources.kind));
  const two = await resources.create(await context.sample(resources.kind));
  return [idOf(one), idOf(two)];
}

function commandCases(kind: Kind, { name, prepare, feature }: Command): readonly Case[] {
  const needed = feature ? { feature } : {};
  return [
    {
      name: `${kind.name}: ${name} with a key that was used for it gives the same answer, and does nothing again`,
      ...needed,
      async run(context) {
        const call = await prepare(context, context.kind(kind));
        const options = { headers: { "idempotency-key": context.unique() } };

        const first = await call(false, options);
        const second = await call(false, options);

        same(second, first, "answer");
      },
    },
    {
      name: `${kind.name}: ${name} with a key that was used for something else is refused`,
      ...needed,
      async run(context) {
        const call = await prepare(context, context.kind(kind));
        const options = { headers: { "idempotency-key": context.unique() } };
        await call(false, options);

        await refused(call(true, options), "IDEMPOTENCY_KEY_REUSED");
      },
    },
  ];
}

function keyCases(kind: Kind): readonly Case[] {
  return [
    {
      name: `${kind.name}: of ten tries of one create at once, all get the one resource`,
      async run(context) {
        const sample = await context.sample(kind);
        const options = { headers: { "idempotency-key": context.unique() } };

        const answers = await Promise.all(Array.from({ length: 10 }, () => context.kind(kind).create(sample, options)));

        same(new Set(answers.map(idOf)).size, 1, "number of resources");
      },
    },
    {
      name: `${kind.name}: a key that a refused command carried is free for another`,
      async run(context) {
        const options = { headers: { "idempotency-key": context.unique() } };
        const bad = await context.sample(kind, { metadata: { name: null } });
        await refused(context.kind(kind).create(bad, options), "INVALID_REQUEST");

        check(await context.kind(kind).create(await context.sample(kind), options), "it was refused");
      },
    },
    {
      name: `${kind.name}: a key that is too long is refused`,
      async run(context) {
        const options = { headers: { "idempotency-key": "k".repeat(129) } };

        await refused(
          context.kind(kind).create(await context.sample(kind), options),
          "INVALID_REQUEST",
          "idempotency-key",
        );
      },
    },
  ];
}
