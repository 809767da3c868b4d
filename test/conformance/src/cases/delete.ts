import type { Case } from "../case.ts";
import { check, refused, same } from "../checks.ts";
import type { Kind } from "../kinds.ts";
import { idOf, metadataOf, nameOf } from "../resource.ts";

const THIRTY_DAYS_S = 30 * 24 * 60 * 60;

/** What `delete`, `undelete` and `purge` promise. */
export function deleteCases(kind: Kind): readonly Case[] {
  return [...deletion(kind), ...restoration(kind), ...removal(kind)];
}

function deletion(kind: Kind): readonly Case[] {
  const { name } = kind;
  return [
    {
      name: `${name}: delete says when it was and when it will be for good, 30 days later`,
      async run(context) {
        const resources = context.kind(kind);
        const made = await resources.create(await context.sample(kind));

        const { deleteTime, purgeTime, resourceVersion } = metadataOf(await resources.delete({ id: idOf(made) }));

        check(deleteTime && purgeTime, "there is no deleteTime or no purgeTime");
        same(Number(purgeTime.seconds - deleteTime.seconds), THIRTY_DAYS_S, "seconds between the two");
        check(resourceVersion !== metadataOf(made).resourceVersion, "the version has not moved");
      },
    },
    {
      name: `${name}: what is deleted is found by name only where one asks for it`,
      async run(context) {
        const resources = context.kind(kind);
        const made = await resources.create(await context.sample(kind));
        await resources.delete({ id: idOf(made) });

        await refused(resources.getByReference({ name: nameOf(made) }), "RESOURCE_NOT_FOUND");
        const found = await resources.getByReference({ name: nameOf(made), showDeleted: true });

        same(idOf(found), idOf(made), "id");
        check(metadataOf(found).deleteTime, "there is no deleteTime");
      },
    },
    {
      name: `${name}: what is deleted stands in a list only where one asks for it`,
      async run(context) {
        const resources = context.kind(kind);
        const [gone, kept] = [await context.sample(kind), await context.sample(kind)];
        const made = [await resources.create(gone), await resources.create(kept)];
        await resources.delete({ id: idOf(made[0]) });

        const shown = await resources.list({ labelSelector: context.own });
        const all = await resources.list({ labelSelector: context.own, showDeleted: true });

        same(shown.items.map(idOf), [idOf(made[1])], "ids");
        same(all.items.map(idOf), made.map(idOf), "ids, with those that are deleted");
      },
    },
    {
      name: `${name}: the name of what is deleted stays taken`,
      async run(context) {
        const resources = context.kind(kind);
        const sample = await context.sample(kind);
        await resources.delete({ id: idOf(await resources.create(sample)) });

        await refused(resources.create(sample), "RESOURCE_EXISTS");
      },
    },
    {
      name: `${name}: what is deleted can't be updated`,
      async run(context) {
        const resources = context.kind(kind);
        const made = await resources.create(await context.sample(kind));
        const deleted = await resources.delete({ id: idOf(made) });

        await refused(resources.update(deleted), "RESOURCE_DELETED");
      },
    },
    {
      name: `${name}: delete with a version refuses one that has moved`,
      async run(context) {
        const resources = context.kind(kind);
        const made = await resources.create(await context.sample(kind));
        const { resourceVersion } = metadataOf(made);
        metadataOf(made).displayName = "changed";
        const current = metadataOf(await resources.update(made)).resourceVersion;

        await refused(resources.delete({ id: idOf(made), resourceVersion }), "VERSION_MOVED");
        check(await resources.delete({ id: idOf(made), resourceVersion: current }), "it can't be deleted");
      },
    },
    {
      name: `${name}: delete, undelete and purge find nothing under an id that there is none of`,
      async run(context) {
        const resources = context.kind(kind);
        const id = `${kind.options.idPrefix}_00000000000000000000000000`;

        for (const verb of [resources.delete, resources.undelete, resources.purge]) {
          await refused(verb({ id }), "RESOURCE_NOT_FOUND");
        }
      },
    },
  ];
}

function restoration(kind: Kind): readonly Case[] {
  const { name } = kind;
  return [
    {
      name: `${name}: undelete brings back what was deleted, as it was`,
      async run(context) {
        const resources = context.kind(kind);
        const made = await resources.create(await context.sample(kind));
        await resources.delete({ id: idOf(made) });

        const back = await resources.undelete({ id: idOf(made) });

        const { deleteTime, purgeTime, generation, labels } = metadataOf(await resources.get({ id: idOf(made) }));
        same([deleteTime, purgeTime], [undefined, undefined], "deleteTime and purgeTime");
        same([generation, labels], [metadataOf(made).generation, metadataOf(made).labels], "generation and labels");
        same(back.spec, made.spec, "spec");
      },
    },
    {
      name: `${name}: what was brought back can be updated with the version that undelete returned`,
      async run(context) {
        const resources = context.kind(kind);
        const made = await resources.create(await context.sample(kind));
        await resources.delete({ id: idOf(made) });
        const back = await resources.undelete({ id: idOf(made) });
        metadataOf(back).displayName = "back";

        same(metadataOf(await resources.update(back)).displayName, "back", "displayName");
      },
    },
  ];
}

function removal(kind: Kind): readonly Case[] {
  const { name } = kind;
  return [
    {
      name: `${name}: purge removes what is deleted for good, and frees its name`,
      async run(context) {
        const resources = context.kind(kind);
        const sample = await context.sample(kind);
        const made = await resources.create(sample);
        await resources.delete({ id: idOf(made) });

        await resources.purge({ id: idOf(made) });

        await refused(resources.get({ id: idOf(made) }), "RESOURCE_NOT_FOUND");
        await refused(resources.undelete({ id: idOf(made) }), "RESOURCE_NOT_FOUND");
        const call = resources.getByReference({ name: nameOf(made), showDeleted: true });
        await refused(call, "RESOURCE_NOT_FOUND");
        const anew = await resources.create(sample);
        check(idOf(anew) !== idOf(made), "an id was used again");
        same(metadataOf(anew).generation, 1n, "generation");
      },
    },
    {
      name: `${name}: purge leaves what is not deleted`,
      async run(context) {
        const resources = context.kind(kind);
        const made = await resources.create(await context.sample(kind));

        await resources.purge({ id: idOf(made) }).catch(() => {});

        same(idOf(await resources.get({ id: idOf(made) })), idOf(made), "id");
      },
    },
  ];
}
