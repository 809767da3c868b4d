import { ApplyResponse_Action as Action, ApiResourceCommandController } from "@stigmer/contracts/commons";
import { apply, diff, pathsOf } from "../applying.ts";
import type { Case } from "../case.ts";
import { check, refused, same, sameMessage } from "../checks.ts";
import type { Kind } from "../kinds.ts";
import { idOf, metadataOf } from "../resource.ts";
import { changeSpec, freeField } from "../spec-change.ts";

const feature = ApiResourceCommandController.typeName;

/** What `apply` promises of every kind that users make. */
export function kindApplyCases(kind: Kind): readonly Case[] {
  return [...basicCases(kind), ...reportCases(kind), ...(freeField(kind) ? [specCase(kind)] : [])];
}

function basicCases(kind: Kind): readonly Case[] {
  const { name } = kind;
  return [
    {
      name: `${name}: apply makes what is not there, changes what is, and says which`,
      feature,
      async run(context) {
        const first = await apply(context, kind, await context.sample(kind));
        const again = await context.sample(kind, { metadata: { name: metadataOf(first.resource).name } });
        const unchanged = await apply(context, kind, again);
        metadataOf(again).displayName = "changed";
        const updated = await apply(context, kind, again);

        const actions = [first, unchanged, updated].map(({ action }) => Action[action]);
        same(actions, ["CREATED", "UNCHANGED", "UPDATED"], "actions");
        const versions = [first, unchanged, updated].map(({ resource }) => metadataOf(resource).resourceVersion);
        check(versions[0] === versions[1] && versions[1] !== versions[2], `versions ${versions} move amiss`);
        same(pathsOf(updated), ["metadata.displayName"], "paths that differ");
      },
    },
    {
      name: `${name}: to apply what get returned changes nothing`,
      feature,
      async run(context) {
        const { resource } = await apply(context, kind, await context.sample(kind));
        const read = await context.kind(kind).get({ id: idOf(resource) });

        const again = await apply(context, kind, read);

        same(Action[again.action], "UNCHANGED", "action");
        same(pathsOf(again), [], "paths that differ");
        sameMessage(kind.schema, await context.kind(kind).get({ id: idOf(resource) }), read);
      },
    },
    {
      name: `${name}: what create made and get returned, apply leaves as it is`,
      feature,
      async run(context) {
        const made = await context.kind(kind).create(await context.sample(kind));

        const applied = await apply(context, kind, await context.kind(kind).get({ id: idOf(made) }));

        same(pathsOf(applied), [], "paths that differ");
        same(metadataOf(applied.resource).generation, 1n, "generation");
      },
    },
    {
      name: `${name}: a dry run of apply says what it would do, and stores nothing`,
      feature,
      async run(context) {
        const sample = await context.sample(kind);

        const dry = await apply(context, kind, sample, { dryRun: true });

        same(Action[dry.action], "CREATED", "action");
        await refused(context.kind(kind).getByReference({ name: metadataOf(sample).name }), "RESOURCE_NOT_FOUND");
      },
    },
    {
      name: `${name}: diff says the same as a dry run of apply`,
      feature: "ai.stigmer.commons.apiresource.v1.ApiResourceQueryController",
      async run(context) {
        const { resource } = await apply(context, kind, await context.sample(kind));
        const changed = await context.sample(kind, {
          metadata: { name: metadataOf(resource).name, displayName: "new" },
        });

        const [asked, dry] = [
          await diff(context, kind, changed),
          await apply(context, kind, changed, { dryRun: true }),
        ];

        same(Action[asked.action], Action[dry.action], "action");
        same(pathsOf(asked), pathsOf(dry), "paths that differ");
        same(pathsOf(asked), ["metadata.displayName"], "paths that differ, by name");
        const { displayName } = metadataOf(await context.kind(kind).get({ id: idOf(resource) }));
        same(displayName, metadataOf(resource).displayName, "displayName as stored");
      },
    },
    {
      name: `${name}: apply refuses a version that has moved`,
      feature,
      async run(context) {
        const { resource } = await apply(context, kind, await context.sample(kind));
        const stale = metadataOf(resource).resourceVersion;
        metadataOf(resource).displayName = "changed";
        await apply(context, kind, resource);
        metadataOf(resource).resourceVersion = stale;
        metadataOf(resource).displayName = "changed again";

        await refused(apply(context, kind, resource), "VERSION_MOVED");
      },
    },
    {
      name: `${name}: what is deleted can't be applied`,
      feature,
      async run(context) {
        const sample = await context.sample(kind);
        const { resource } = await apply(context, kind, sample);
        await context.kind(kind).delete({ id: idOf(resource) });

        await refused(apply(context, kind, sample), "RESOURCE_DELETED");
      },
    },
  ];
}

function reportCases(kind: Kind): readonly Case[] {
  const { name } = kind;
  return [
    {
      name: `${name}: apply says which fields it ignored, as only the backend sets them`,
      feature,
      async run(context) {
        const sample = await context.sample(kind, { metadata: { id: "mine", createdBy: "me", generation: "7" } });

        const { ignored, resource } = await apply(context, kind, sample);

        for (const path of ["metadata.id", "metadata.createdBy", "metadata.generation"]) {
          check(ignored.includes(path), `${path} is not among ${JSON.stringify(ignored)}`);
        }
        check(metadataOf(resource).id !== "mine" && metadataOf(resource).generation === 1n, "it was not ignored");
      },
    },
    {
      name: `${name}: apply says which fields it filled in`,
      feature,
      async run(context) {
        const sample = await context.sample(kind, { apiVersion: null, kind: null });

        const { defaulted, diff: changes } = await apply(context, kind, sample);

        check(
          defaulted.every((path) => path !== ""),
          "a path is empty",
        );
        const ours = [...defaulted, ...changes.map(({ path }) => path)];
        check(!ours.includes("metadata.id"), "what only the backend sets is reported");
      },
    },
    {
      name: `${name}: apply keeps who set which fields, in order`,
      feature,
      async run(context) {
        const sample = await context.sample(kind, { metadata: { displayName: "one" } });

        const { resource } = await apply(context, kind, sample, { manager: "zeta" });
        const bare = await context.sample(kind, {
          metadata: { name: metadataOf(resource).name, labels: null, displayName: null },
        });
        metadataOf(bare).annotations = { note: "x" };
        const both = await apply(context, kind, bare, { manager: "alpha" });

        const managers = metadataOf(both.resource).fieldManagers;
        same(
          managers.map((manager) => manager.name),
          ["alpha", "zeta"],
          "managers",
        );
        const [alpha, zeta] = managers;
        check(alpha?.fields.includes('metadata.annotations["note"]'), `alpha owns ${alpha?.fields}`);
        check(zeta?.fields.includes("metadata.displayName"), `zeta owns ${zeta?.fields}`);
        for (const { fields } of managers) same([...fields].sort(bytewise), fields, "fields in order");
      },
    },
  ];
}

function specCase(kind: Kind): Case {
  return {
    name: `${kind.name}: apply that changes the spec moves the generation`,
    feature,
    async run(context) {
      const { resource } = await apply(context, kind, await context.sample(kind));

      const changed = await apply(context, kind, changeSpec(kind, resource, "changed"));

      same(metadataOf(changed.resource).generation, 2n, "generation");
      same(pathsOf(changed), [`spec.${freeField(kind)?.jsonName}`], "paths that differ");
    },
  };
}

function bytewise(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
