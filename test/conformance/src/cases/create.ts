import { create } from "@bufbuild/protobuf";
import { TimestampSchema } from "@bufbuild/protobuf/wkt";
import { FieldManagerSchema, Verb } from "@stigmer/contracts/commons";
import type { Case } from "../case.ts";
import { check, refused, same, sameMessage } from "../checks.ts";
import { apiVersionOf, type Kind } from "../kinds.ts";
import { metadataOf } from "../resource.ts";

const ULID = "[0-9A-HJKMNP-TV-Z]{26}";

/** What `create` promises. */
export function createCases(kind: Kind): readonly Case[] {
  const { name, options } = kind;
  return [
    {
      name: `${name}: create fills in what the backend says of a resource`,
      async run(context) {
        const made = await context.kind(kind).create(await context.sample(kind, { apiVersion: null, kind: null }));

        const metadata = metadataOf(made);
        same([made.apiVersion, made.kind], [apiVersionOf(kind), name], "apiVersion and kind");
        check(new RegExp(`^${options.idPrefix}_${ULID}$`).test(metadata.id), `id ${metadata.id} is not of its form`);
        check(metadata.org !== "" && metadata.resourceVersion !== "", "org or resourceVersion is empty");
        same(metadata.generation, 1n, "generation");
        check(metadata.createTime && metadata.updateTime && !metadata.deleteTime, "times are not as they should be");
        check(metadata.createdBy !== "" && metadata.updatedBy === metadata.createdBy, "nobody made it");
      },
    },
    {
      name: `${name}: create keeps what was asked for, and get returns what create did`,
      async run(context) {
        const resources = context.kind(kind);
        const sample = await context.sample(kind, {
          metadata: { displayName: "Zoë ✓", annotations: { "a/b c": "d" } },
        });

        const made = await resources.create(sample);

        const { displayName, labels, annotations } = metadataOf(made);
        same({ displayName, labels, annotations }, pick(metadataOf(sample)), "metadata");
        sameMessage(kind.schema, await resources.get({ id: metadataOf(made).id }), made);
      },
    },
    {
      name: `${name}: create clears what only the backend sets`,
      async run(context) {
        const sample = await context.sample(kind);
        const metadata = metadataOf(sample);
        const foreign = { id: `${options.idPrefix}_0`, generation: 77n, createdBy: "somebody", updatedBy: "somebody" };
        Object.assign(metadata, foreign, { createTime: create(TimestampSchema, { seconds: 1n }) });
        metadata.fieldManagers = [create(FieldManagerSchema, { name: "somebody" })];

        const made = metadataOf(await context.kind(kind).create(sample));

        check(made.id !== foreign.id && made.generation === 1n, "id or generation was taken over");
        check(made.createdBy !== foreign.createdBy && made.updatedBy !== foreign.updatedBy, "createdBy was taken over");
        check(Number(made.createTime?.seconds) > 1, "createTime was taken over");
        check(
          made.fieldManagers.every((manager) => manager.name !== "somebody"),
          "fieldManagers were taken over",
        );
      },
    },
    {
      name: `${name}: create refuses a name that is taken`,
      async run(context) {
        const sample = await context.sample(kind);
        await context.kind(kind).create(sample);

        await refused(context.kind(kind).create(sample), "RESOURCE_EXISTS");
      },
    },
    {
      name: `${name}: create appends five characters to generateName`,
      async run(context) {
        const generateName = `${context.unique()}-`;
        const sample = await context.sample(kind, { metadata: { name: null, generateName } });

        const names = [];
        for (let count = 0; count < 2; count++) names.push(metadataOf(await context.kind(kind).create(sample)).name);

        for (const name of names) check(/^[a-z0-9]{5}$/.test(name.replace(generateName, "")), `name ${name} is amiss`);
        check(names[0] !== names[1], "two generated names are the same");
      },
    },
    ...["metadata", "spec"].map(
      (field): Case => ({
        name: `${name}: create refuses a resource without ${field}`,
        run: async (context) =>
          void (await refused(
            context.kind(kind).create(await context.sample(kind, { [field]: null })),
            "INVALID_REQUEST",
            field,
          )),
      }),
    ),
    {
      name: `${name}: create refuses an empty request`,
      run: async (context) =>
        void (await refused(context.call(context.kind(kind).unary(Verb.CREATE), {}), "INVALID_REQUEST", "metadata")),
    },
    {
      name: `${name}: create refuses a resource without a name`,
      run: async (context) =>
        void (await refused(
          context.kind(kind).create(await context.sample(kind, { metadata: { name: null } })),
          "INVALID_REQUEST",
          "metadata.name",
        )),
    },
    ...[
      { field: "apiVersion", value: "agentic.stigmer.ai/v9" },
      { field: "kind", value: "NoSuchKind" },
    ].map(
      ({ field, value }): Case => ({
        name: `${name}: create refuses another ${field}`,
        run: async (context) =>
          void (await refused(
            context.kind(kind).create(await context.sample(kind, { [field]: value })),
            "INVALID_REQUEST",
            field,
          )),
      }),
    ),
    {
      name: `${name}: of ten who create one name at once, one succeeds`,
      async run(context) {
        const sample = await context.sample(kind);

        const tries = Array.from({ length: 10 }, () => context.kind(kind).create(sample));
        const outcomes = await Promise.allSettled(tries);

        const lost = tries.filter((_, at) => outcomes[at]?.status === "rejected");
        same(lost.length, 9, "number of those that failed");
        for (const call of lost) await refused(call, "RESOURCE_EXISTS");
      },
    },
  ];
}

function pick({ displayName, labels, annotations }: ReturnType<typeof metadataOf>) {
  return { displayName, labels, annotations };
}
