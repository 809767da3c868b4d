import type { Case, Context } from "../case.ts";
import { check, refused, same, sameMessage } from "../checks.ts";
import type { Kind } from "../kinds.ts";
import { idOf, metadataOf, nameOf, type Resource } from "../resource.ts";
import { changeSpec } from "../spec-change.ts";

/** What revisions and tags promise, of kinds that keep them. */
export function revisionCases(kind: Kind): readonly Case[] {
  return [...revisions(kind), ...tags(kind)].map((body) => ({ ...body, name: `${kind.name}: ${body.name}` }));
}

function revisions(kind: Kind): readonly Case[] {
  return [
    {
      name: "the status names the spec's revision, and equal specs have equal ones",
      async run(context) {
        // A spec may have to say what the resource is called.
        const called = { metadata: { name: null, generateName: `${context.unique()}-` } };
        const one = await context.kind(kind).create(await context.sample(kind, called));
        const two = await context.kind(kind).create(await context.sample(kind, called));

        check(/^sha256:[0-9a-f]{64}$/.test(revisionOf(one)), `revision ${revisionOf(one)} is not of its form`);
        same(revisionOf(two), revisionOf(one), "revision of an equal spec");
      },
    },
    {
      name: "a revision is found by its digest after the spec has changed",
      async run(context) {
        const { before, after } = await history(context, kind);

        const found = await context.kind(kind).getByReference({ name: nameOf(before), revision: revisionOf(before) });

        check(revisionOf(before) !== revisionOf(after), "the revision did not change with the spec");
        sameMessage(kind.spec, found.spec as never, before.spec as never);
        same([idOf(found), revisionOf(found)], [idOf(before), revisionOf(before)], "id and revision");
      },
    },
    {
      name: "a change of labels makes no revision",
      async run(context) {
        const made = await context.kind(kind).create(await context.sample(kind));
        const revision = revisionOf(made);
        metadataOf(made).labels = { ...metadataOf(made).labels, tier: "gold" };

        same(revisionOf(await context.kind(kind).update(made)), revision, "revision");
      },
    },
    {
      name: "a spec that comes back has the revision that it had",
      async run(context) {
        const { before, after } = await history(context, kind);
        const back = { ...after, spec: before.spec } as Resource;

        same(revisionOf(await context.kind(kind).update(back)), revisionOf(before), "revision");
      },
    },
    {
      name: "a revision that there is none of is not found",
      async run(context) {
        const made = await context.kind(kind).create(await context.sample(kind));

        for (const revision of [`sha256:${"0".repeat(64)}`, "no-such-tag"]) {
          await refused(context.kind(kind).getByReference({ name: nameOf(made), revision }), "RESOURCE_NOT_FOUND");
        }
      },
    },
    {
      name: "a revision of one resource is not found under another's name",
      async run(context) {
        const { before } = await history(context, kind);
        const other = await context.kind(kind).create(changeSpec(kind, await context.sample(kind), "another"));

        const call = context.kind(kind).getByReference({ name: nameOf(other), revision: revisionOf(before) });
        await refused(call, "RESOURCE_NOT_FOUND");
      },
    },
  ];
}

function tags(kind: Kind): readonly Case[] {
  return [
    {
      name: "a tag names the revision that was current, also after the spec has changed",
      async run(context) {
        const resources = context.kind(kind);
        const made = await resources.create(await context.sample(kind));
        const tagged = await resources.tag({ id: idOf(made), tag: "v1" });
        await resources.update(changeSpec(kind, made, "changed"));

        const found = await resources.getByReference({ name: nameOf(made), revision: "v1" });

        same([revisionOf(tagged), revisionOf(found)], [revisionOf(made), revisionOf(made)], "revisions");
        sameMessage(kind.spec, found.spec as never, made.spec as never);
      },
    },
    {
      name: "a tag may name an earlier revision, by digest and by another tag",
      async run(context) {
        const { before } = await history(context, kind);
        const resources = context.kind(kind);

        await resources.tag({ id: idOf(before), tag: "first", revision: revisionOf(before) });
        await resources.tag({ id: idOf(before), tag: "alias", revision: "first" });

        for (const revision of ["first", "alias"]) {
          const found = await resources.getByReference({ name: nameOf(before), revision });
          same(revisionOf(found), revisionOf(before), `revision of ${revision}`);
        }
      },
    },
    {
      name: "a tag moves to another revision",
      async run(context) {
        const { before, after } = await history(context, kind);
        const resources = context.kind(kind);
        await resources.tag({ id: idOf(before), tag: "stable", revision: revisionOf(before) });

        await resources.tag({ id: idOf(before), tag: "stable" });

        const found = await resources.getByReference({ name: nameOf(before), revision: "stable" });
        same(revisionOf(found), revisionOf(after), "revision");
      },
    },
    {
      name: "tag refuses a revision that there is none of",
      async run(context) {
        const made = await context.kind(kind).create(await context.sample(kind));

        for (const revision of [`sha256:${"0".repeat(64)}`, "no-such-tag"]) {
          await refused(context.kind(kind).tag({ id: idOf(made), tag: "v1", revision }), "RESOURCE_NOT_FOUND");
        }
      },
    },
    {
      name: "tag refuses a name that no tag may have",
      async run(context) {
        const made = await context.kind(kind).create(await context.sample(kind));

        for (const tag of ["", "-a", "a b", "a".repeat(64), "\u0430", "sha256:x", "a\u0000"]) {
          await refused(context.kind(kind).tag({ id: idOf(made), tag }), "INVALID_REQUEST", "tag");
        }
      },
    },
    {
      name: "revisions and tags go with a purge",
      async run(context) {
        const resources = context.kind(kind);
        const sample = await context.sample(kind);
        const made = await resources.create(sample);
        await resources.tag({ id: idOf(made), tag: "v1" });
        await resources.delete({ id: idOf(made) });
        await resources.purge({ id: idOf(made) });

        const anew = await resources.create(sample);

        await refused(resources.getByReference({ name: nameOf(anew), revision: "v1" }), "RESOURCE_NOT_FOUND");
      },
    },
  ];
}

/** A resource whose spec has changed once. */
async function history(context: Context, kind: Kind): Promise<{ before: Resource; after: Resource }> {
  const before = await context.kind(kind).create(await context.sample(kind));
  const after = await context.kind(kind).update(changeSpec(kind, before, "changed"));
  return { before, after };
}

function revisionOf({ status }: Resource): string {
  return String(status?.revision ?? "");
}
