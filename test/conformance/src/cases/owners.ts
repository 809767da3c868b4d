import { DependentsPolicy } from "@stigmer/contracts/commons";
import type { Case, Context } from "../case.ts";
import { check, refused, same } from "../checks.ts";
import type { Kind } from "../kinds.ts";
import { idOf, metadataOf, type Resource } from "../resource.ts";

/** What owning another resource promises; owner and owned are of the same kind. */
export function ownerCases(kind: Kind): readonly Case[] {
  const { name } = kind;
  const family = (context: Context, owners: readonly Resource[]) => make(context, kind, owners);
  return [
    {
      name: `${name}: what one deletes takes along what it alone owns, and what that owns`,
      async run(context) {
        const resources = context.kind(kind);
        const owner = await family(context, []);
        const child = await family(context, [owner]);
        await family(context, [child]);

        await resources.delete({ id: idOf(owner) });

        same((await resources.list({ labelSelector: context.own })).items.map(idOf), [], "ids that are left");
        const { deleteTime } = metadataOf(await deleted(context, kind, child));
        check(deleteTime, "what was owned is not deleted");
      },
    },
    {
      name: `${name}: undelete brings back what was deleted together`,
      async run(context) {
        const resources = context.kind(kind);
        const owner = await family(context, []);
        const child = await family(context, [owner]);
        await resources.delete({ id: idOf(owner) });

        await resources.undelete({ id: idOf(owner) });

        const { items } = await resources.list({ labelSelector: context.own });
        same(items.map(idOf), [idOf(owner), idOf(child)], "ids");
      },
    },
    {
      name: `${name}: what is orphaned stays, without the reference`,
      async run(context) {
        const resources = context.kind(kind);
        const owner = await family(context, []);
        const child = await family(context, [owner]);

        await resources.delete({ id: idOf(owner), dependents: DependentsPolicy.ORPHAN });

        same(metadataOf(await resources.get({ id: idOf(child) })).ownerRefs, [], "owners");
      },
    },
    {
      name: `${name}: what two own stays until the last of them goes`,
      async run(context) {
        const resources = context.kind(kind);
        const owners = [await family(context, []), await family(context, [])];
        const child = await family(context, owners);

        await resources.delete({ id: idOf(owners[0]) });
        const { items: between } = await resources.list({ labelSelector: context.own });
        await resources.delete({ id: idOf(owners[1]) });
        const { items: after } = await resources.list({ labelSelector: context.own });

        same([between.map(idOf), after.map(idOf)], [[idOf(owners[1]), idOf(child)], []], "ids after each");
      },
    },
    {
      name: `${name}: an owner that there is none of is refused`,
      async run(context) {
        const sample = await context.sample(kind, {
          metadata: { ownerRefs: [{ kind: name, id: `${kind.options.idPrefix}_00000000000000000000000000` }] },
        });

        await refused(context.kind(kind).create(sample), "REFERENCE_NOT_FOUND", "metadata.ownerRefs");
      },
    },
    {
      name: `${name}: an owner of a kind that there is none of is refused`,
      async run(context) {
        const owner = await family(context, []);
        const sample = await context.sample(kind, { metadata: { ownerRefs: [{ kind: "NoSuch", id: idOf(owner) }] } });

        const { fields } = await refused(context.kind(kind).create(sample), "REFERENCE_NOT_FOUND");
        check(fields[0]?.startsWith("metadata.ownerRefs[0]"), `expected the owner to be named, got ${fields}`);
      },
    },
  ];
}

async function make(context: Context, kind: Kind, owners: readonly Resource[]): Promise<Resource> {
  const ownerRefs = owners.map((owner) => ({ kind: kind.name, id: idOf(owner) }));
  return await context.kind(kind).create(await context.sample(kind, { metadata: { ownerRefs } }));
}

async function deleted(context: Context, kind: Kind, resource: Resource): Promise<Resource> {
  const { items } = await context.kind(kind).list({ labelSelector: context.own, showDeleted: true });
  const found = items.find((item) => idOf(item) === idOf(resource));
  check(found, "it is not among what is deleted");
  return found;
}
