import type { Case } from "../case.ts";
import { check, refused, same, sameMessage } from "../checks.ts";
import { fieldOptionsOf } from "../field-options.ts";
import type { Kind } from "../kinds.ts";
import { idOf, metadataOf } from "../resource.ts";
import { changeSpec, freeField } from "../spec-change.ts";

/** What `update` promises. */
export function updateCases(kind: Kind): readonly Case[] {
  return [...metadataCases(kind), ...(freeField(kind) ? [specCase(kind)] : []), ...immutableCases(kind)];
}

function metadataCases(kind: Kind): readonly Case[] {
  const { name } = kind;
  return [
    {
      name: `${name}: update changes labels, and leaves the generation`,
      async run(context) {
        const resources = context.kind(kind);
        const made = await resources.create(await context.sample(kind));
        const [before, changed] = [{ ...metadataOf(made) }, made];
        metadataOf(changed).labels = { ...before.labels, tier: "gold" };

        const updated = await resources.update(changed);

        const after = metadataOf(updated);
        same(after.labels, { ...before.labels, tier: "gold" }, "labels");
        same([after.id, after.generation], [before.id, 1n], "id and generation");
        check(after.resourceVersion !== before.resourceVersion, "the version has not moved");
        sameMessage(kind.schema, await resources.get({ id: before.id }), updated);
      },
    },
    {
      name: `${name}: update refuses a version that has moved, and says which there is`,
      async run(context) {
        const resources = context.kind(kind);
        const made = await resources.create(await context.sample(kind));
        const sent = metadataOf(made).resourceVersion;
        metadataOf(made).displayName = "first";
        const current = metadataOf(await resources.update(made)).resourceVersion;
        metadataOf(made).displayName = "second";

        const { metadata } = await refused(resources.update(made), "VERSION_MOVED");

        same([metadata.current, metadata.sent], [current, sent], "versions, current and sent");
      },
    },
    {
      name: `${name}: of ten who update one version at once, one succeeds`,
      async run(context) {
        const resources = context.kind(kind);
        const made = await resources.create(await context.sample(kind));

        const tries = Array.from({ length: 10 }, (_, at) => {
          const metadata = { ...metadataOf(made), displayName: `by ${at}` };
          return resources.update({ ...made, metadata } as typeof made);
        });
        const outcomes = await Promise.allSettled(tries);

        const lost = tries.filter((_, at) => outcomes[at]?.status === "rejected");
        same(lost.length, 9, "number of those that failed");
        for (const call of lost) await refused(call, "VERSION_MOVED");
      },
    },
    {
      name: `${name}: update refuses a resource without a version`,
      async run(context) {
        const made = await context.kind(kind).create(await context.sample(kind));
        metadataOf(made).resourceVersion = "";

        await refused(context.kind(kind).update(made), "INVALID_REQUEST", "metadata.resourceVersion");
      },
    },
    {
      name: `${name}: update does not make what is not there`,
      async run(context) {
        const sample = await context.sample(kind, { metadata: { resourceVersion: "1" } });

        await refused(context.kind(kind).update(sample), "RESOURCE_NOT_FOUND");
      },
    },
    {
      name: `${name}: update ignores what only the backend sets`,
      async run(context) {
        const made = await context.kind(kind).create(await context.sample(kind));
        const { id, createdBy, generation } = metadataOf(made);
        Object.assign(metadataOf(made), { createdBy: "somebody", generation: 99n, displayName: "changed" });

        const after = metadataOf(await context.kind(kind).update(made));

        same([after.id, after.createdBy, after.generation], [id, createdBy, generation], "what only the backend sets");
      },
    },
  ];
}

function specCase(kind: Kind): Case {
  return {
    name: `${kind.name}: update replaces the spec, and moves the generation`,
    async run(context) {
      const resources = context.kind(kind);
      const made = await resources.create(await context.sample(kind));
      const changed = changeSpec(kind, made, "changed");

      const updated = await resources.update(changed);

      same(metadataOf(updated).generation, 2n, "generation");
      same(metadataOf(await resources.get({ id: idOf(made) })).generation, 2n, "generation as read");
      sameMessage(kind.spec, updated.spec as never, changed.spec as never);
    },
  };
}

function immutableCases(kind: Kind): readonly Case[] {
  return kind.spec.fields
    .filter((field) => fieldOptionsOf(field).immutable && field.fieldKind === "scalar")
    .map((field) => ({
      name: `${kind.name}: update refuses another ${field.jsonName}, which is immutable`,
      async run(context) {
        const made = await context.kind(kind).create(await context.sample(kind));
        if (made.spec) made.spec[field.localName] = "other";

        await refused(context.kind(kind).update(made), "FIELD_IMMUTABLE", `spec.${field.jsonName}`);
      },
    }));
}
