import type { Case } from "../case.ts";
import { refusalOf, refused, same, sameMessage } from "../checks.ts";
import { isUsers, type Kind } from "../kinds.ts";
import { idOf, metadataOf, nameOf } from "../resource.ts";

/** What reading one resource promises, for kinds that users make and for others. */
export function getCases(kind: Kind): readonly Case[] {
  return [...missingCases(kind), ...(isUsers(kind) ? presentCases(kind) : [])];
}

function missingCases(kind: Kind): readonly Case[] {
  const { name, options } = kind;
  return [
    ...[`${options.idPrefix}_00000000000000000000000000`, "no-id", "agt_\u0430", "x".repeat(100_000), "../../etc"].map(
      (id): Case => ({
        name: `${name}: get finds nothing under the id ${id.slice(0, 32)}`,
        async run(context) {
          const { reason } = await refusalOf(context.kind(kind).get({ id }));
          same(
            id.length > 64 && reason === "INVALID_REQUEST" ? "RESOURCE_NOT_FOUND" : reason,
            "RESOURCE_NOT_FOUND",
            "reason",
          );
        },
      }),
    ),
    {
      name: `${name}: getByReference finds nothing under a name that nobody has`,
      run: async (context) =>
        void (await refused(context.kind(kind).getByReference({ name: context.unique() }), "RESOURCE_NOT_FOUND")),
    },
    {
      name: `${name}: an organization that there is none of holds nothing`,
      run: async (context) =>
        void (await refused(
          context.kind(kind).getByReference({ org: context.unique(), name: context.unique() }),
          "RESOURCE_NOT_FOUND",
        )),
    },
    {
      name: `${name}: a reference with a revision of another form is refused`,
      async run(context) {
        for (const revision of ["sha256:abc", `sha256:${"A".repeat(64)}`, "a b", "-a", "a".repeat(64)]) {
          const call = context.kind(kind).getByReference({ name: "a", revision });
          await refused(call, "INVALID_REQUEST", "revision");
        }
      },
    },
  ];
}

function presentCases(kind: Kind): readonly Case[] {
  const { name } = kind;
  return [
    {
      name: `${name}: getByReference finds a resource by name, with and without its organization`,
      async run(context) {
        const made = await context.kind(kind).create(await context.sample(kind));

        for (const org of ["", metadataOf(made).org]) {
          sameMessage(kind.schema, await context.kind(kind).getByReference({ org, name: nameOf(made) }), made);
        }
      },
    },
    {
      name: `${name}: an id is found as it is written, and not in another case`,
      async run(context) {
        const made = await context.kind(kind).create(await context.sample(kind));

        await refused(context.kind(kind).get({ id: idOf(made).toLowerCase() }), "RESOURCE_NOT_FOUND");
      },
    },
    {
      name: `${name}: an id of another kind is not found`,
      async run(context) {
        const made = await context.kind(kind).create(await context.sample(kind));
        const others = context.kinds.all.filter((other) => other.name !== name);

        for (const other of others) await refused(context.kind(other).get({ id: idOf(made) }), "RESOURCE_NOT_FOUND");
      },
    },
    {
      name: `${name}: a read that asks for the version of a write sees the write`,
      async run(context) {
        const made = await context.kind(kind).create(await context.sample(kind));
        const { id, resourceVersion: minResourceVersion } = metadataOf(made);

        same(idOf(await context.kind(kind).get({ id, minResourceVersion })), id, "id by get");
        const found = await context.kind(kind).getByReference({ name: nameOf(made), minResourceVersion });
        same(idOf(found), id, "id by getByReference");
        const { items } = await context.kind(kind).list({ labelSelector: context.own, minResourceVersion });
        same(items.map(idOf), [id], "ids by list");
      },
    },
    {
      name: `${name}: a read that asks for a version that is still to come is told to try again`,
      async run(context) {
        const made = await context.kind(kind).create(await context.sample(kind));
        const minResourceVersion = "999999999999999";

        const calls = [
          context.kind(kind).get({ id: idOf(made), minResourceVersion }),
          context.kind(kind).getByReference({ name: nameOf(made), minResourceVersion }),
          context.kind(kind).list({ minResourceVersion }),
        ];

        await Promise.all(calls.map((call) => refused(call, "VERSION_NOT_REACHED")));
      },
    },
    {
      name: `${name}: a minResourceVersion that is no version is refused`,
      async run(context) {
        const made = await context.kind(kind).create(await context.sample(kind));

        for (const minResourceVersion of ["tomorrow", "-1", "1e3"]) {
          const call = context.kind(kind).get({ id: idOf(made), minResourceVersion });
          await refused(call, "INVALID_REQUEST", "minResourceVersion");
        }
      },
    },
  ];
}
