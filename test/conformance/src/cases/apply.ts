import { fromJson, type JsonObject } from "@bufbuild/protobuf";
import { ApplyResponse_Action as Action, ApiResourceCommandController, Verb } from "@stigmer/contracts/commons";
import { PreconditionFailureSchema } from "@stigmer/contracts/rpc";
import { type Applied, apply, diff, pathsOf } from "../applying.ts";
import type { Case, Context } from "../case.ts";
import { check, refused, same } from "../checks.ts";
import { metadataOf, type Resource } from "../resource.ts";

type Body = (world: World) => Promise<void>;

/** One agent that several managers apply. */
type World = {
  readonly context: Context;
  /** Applies the agent with this spec and metadata alone, as `manager`. */
  readonly by: (manager: string, change: JsonObject, flags?: { force?: boolean; dryRun?: boolean }) => Promise<Applied>;
};

const INSTRUCTIONS = { spec: { instructions: "You help." } };

/** Server-side apply, owner by owner, told with an agent, which has leaves, maps and keyed lists. */
export const applyCases: readonly Case[] = [
  told("another value for another manager's field is a conflict that names it", async ({ by }) => {
    await by("a", { spec: { instructions: "You help.", description: "one" } });

    const refusal = await refused(
      by("b", { spec: { instructions: "You help.", description: "two" } }),
      "FIELD_CONFLICT",
    );

    same([refusal.metadata.manager, refusal.metadata.path], ["a", "spec.description"], "manager and path");
    const failures = refusal.error.findDetails(PreconditionFailureSchema).flatMap(({ violations }) => violations);
    same(failures.length, 1, "number of violations");
  }),
  told("a conflict lists every field that conflicts", async ({ by }) => {
    await by("a", { spec: { instructions: "You help.", description: "one", model: "ollama/one" } });

    const other = { spec: { instructions: "You help.", description: "two", model: "ollama/two" } };
    const { error } = await refused(by("b", other), "FIELD_CONFLICT");

    const failures = error.findDetails(PreconditionFailureSchema).flatMap(({ violations }) => violations);
    same(failures.length, 2, "number of violations");
  }),
  told("force takes a field over", async ({ by }) => {
    await by("a", { spec: { instructions: "You help.", description: "one" } });

    const taken = await by("b", { spec: { instructions: "You help.", description: "two" } }, { force: true });

    same(taken.resource.spec?.description, "two", "description");
    same(owners(taken.resource, "spec.description"), ["b"], "owners");
  }),
  told("the same value makes two managers owners of one field", async ({ by }) => {
    await by("a", { spec: { instructions: "You help.", description: "one" } });

    const shared = await by("b", { spec: { instructions: "You help.", description: "one" } });

    same(owners(shared.resource, "spec.description"), ["a", "b"], "owners");
  }),
  told("a field that its only owner no longer sets is pruned", async ({ by }) => {
    await by("a", { spec: { instructions: "You help.", description: "one" } });

    const bare = await by("a", INSTRUCTIONS);

    same(bare.resource.spec?.description, "", "description");
    same(bare.pruned, ["spec.description"], "pruned");
  }),
  told("a field that another manager owns too is not pruned", async ({ by }) => {
    await by("a", { spec: { instructions: "You help.", description: "one" } });
    await by("b", { spec: { instructions: "You help.", description: "one" } });

    const bare = await by("a", INSTRUCTIONS);

    same([bare.resource.spec?.description, bare.pruned], ["one", []], "description and pruned");
    same(owners(bare.resource, "spec.description"), ["b"], "owners");
  }),
  told("a field that a manager never set is left alone", async ({ by }) => {
    await by("a", { spec: { instructions: "You help.", description: "one" } });

    const other = await by("b", { metadata: { labels: { tier: "gold" } }, ...INSTRUCTIONS });

    same(other.resource.spec?.description, "one", "description");
  }),
  told("labels are owned key by key", async ({ by }) => {
    await by("a", { metadata: { labels: { x: "1" } }, ...INSTRUCTIONS });

    const both = await by("b", { metadata: { labels: { y: "2" } }, ...INSTRUCTIONS });

    const { labels } = metadataOf(both.resource);
    same([labels.x, labels.y], ["1", "2"], "labels");
    await refused(by("b", { metadata: { labels: { x: "9" } }, ...INSTRUCTIONS }), "FIELD_CONFLICT");
  }),
  told("a label is pruned with its owner, and the others stay", async ({ by }) => {
    await by("a", { metadata: { labels: { x: "1" } }, ...INSTRUCTIONS });
    await by("b", { metadata: { labels: { y: "2" } }, ...INSTRUCTIONS });

    const { resource, pruned } = await by("a", INSTRUCTIONS);

    same([metadataOf(resource).labels.x, metadataOf(resource).labels.y], [undefined, "2"], "labels");
    check(pruned.includes('metadata.labels["x"]'), `pruned is ${JSON.stringify(pruned)}`);
  }),
  told("items of a keyed list are owned one by one", async ({ by, context }) => {
    const [one, two] = [await server(context), await server(context)];
    await by("a", { spec: { instructions: "You help.", mcpServers: [{ name: one }] } });

    const both = await by("b", { spec: { instructions: "You help.", mcpServers: [{ name: two, tools: ["read"] }] } });

    same(servers(both.resource), [one, two], "servers");
    const bare = await by("a", INSTRUCTIONS);
    same(servers(bare.resource), [two], "servers after their owner left one");
  }),
  told("a list without a key has one owner as a whole", async ({ by, context }) => {
    const name = await server(context);
    const using = (tools: string[]) => ({ spec: { instructions: "You help.", mcpServers: [{ name, tools }] } });
    await by("a", using(["read"]));

    await refused(by("b", using(["read", "write"])), "FIELD_CONFLICT");

    same(tools((await by("a", using(["write"]))).resource), ["write"], "tools");
  }),
  told("a dry run meets the same conflict, and stores nothing", async ({ by }) => {
    const { resource } = await by("a", { spec: { instructions: "You help.", description: "one" } });

    const other = { spec: { instructions: "You help.", description: "two" } };
    await refused(by("b", other, { dryRun: true }), "FIELD_CONFLICT");
    const forced = await by("b", other, { dryRun: true, force: true });

    same(forced.resource.spec?.description, "two", "description as it would be");
    const now = await by("a", { spec: { instructions: "You help.", description: "one" } });
    same(metadataOf(now.resource).resourceVersion, metadataOf(resource).resourceVersion, "version");
  }),
  told("a dry run meets the same refusals", async ({ by }) => {
    await refused(
      by("a", { spec: { instructions: "", model: "no-slash" } }, { dryRun: true }),
      "INVALID_REQUEST",
      "spec.model",
    );
  }),
  told("the diff says before and after, in order of path", async ({ by }) => {
    await by("a", { spec: { instructions: "You help.", description: "one" } });

    const { diff: changes } = await by("a", { spec: { instructions: "You work.", description: "two", model: "a/b" } });

    const told = changes.map(({ path, before, after }) => [path, before?.kind.value, after?.kind.value]);
    const expected = [
      ["spec.description", "one", "two"],
      ["spec.instructions", "You help.", "You work."],
      ["spec.model", undefined, "a/b"],
    ];
    same(told, expected, "changes");
  }),
  told("an update owns the fields that it changes", async ({ by, context }) => {
    const { resource } = await by("a", { spec: { instructions: "You help.", description: "one" } });
    if (resource.spec) resource.spec.description = "by update";
    await context.call(context.kind("Agent").unary(Verb.UPDATE), resource, { headers: { "field-manager": "updater" } });

    const refusal = await refused(
      by("a", { spec: { instructions: "You help.", description: "one" } }),
      "FIELD_CONFLICT",
    );

    same(refusal.metadata.manager, "updater", "manager");
  }),
  told("without a manager, the caller owns what is set", async ({ context }) => {
    const made = await context.kind("Agent").create(await context.sample("Agent"));

    const { fieldManagers, createdBy } = metadataOf(made);

    same(
      fieldManagers.map(({ name }) => name),
      [createdBy],
      "managers",
    );
  }),
  told("a spec that breaks a rule is refused, and its field is named", async ({ by }) => {
    await refused(by("a", { spec: { instructions: "You help.", model: "no-slash" } }), "INVALID_REQUEST", "spec.model");
  }),
  told("a reference to what there is none of is refused, and its field is named", async ({ by }) => {
    const spec = { instructions: "You help.", mcpServers: [{ name: "no-such-server" }] };

    await refused(by("a", { spec }), "REFERENCE_NOT_FOUND", "spec.mcpServers[0].name");
  }),
  told("of ten who apply fields of their own at once, all succeed", async ({ by }) => {
    await by("a", INSTRUCTIONS);

    const appliers = Array.from({ length: 10 }, (_, at) =>
      by(`m${at}`, { metadata: { labels: { [`k${at}`]: "v" } }, ...INSTRUCTIONS }),
    );
    await Promise.all(appliers);

    const { labels } = metadataOf((await by("a", INSTRUCTIONS)).resource);
    same(Object.keys(labels).filter((key) => /^k\d$/.test(key)).length, 10, "number of labels");
  }),
  told("one who applies again after a conflict with force wins, and diff agrees before", async ({ by, context }) => {
    const { resource } = await by("a", { spec: { instructions: "You help.", description: "one" } });
    if (resource.spec) resource.spec.description = "two";
    await refused(diff(context, context.kinds.named("Agent"), resource, "b"), "FIELD_CONFLICT");

    const forced = await by("b", { spec: { instructions: "You help.", description: "two" } }, { force: true });

    same([Action[forced.action], pathsOf(forced)], ["UPDATED", ["spec.description"]], "action and paths");
  }),
];

function told(sentence: string, body: Body): Case {
  return {
    name: `apply: ${sentence}`,
    feature: ApiResourceCommandController.typeName,
    async run(context) {
      const kind = context.kinds.named("Agent");
      const { name, labels } = metadataOf(await context.sample(kind));
      await body({
        context,
        by: async (manager, { metadata = {}, spec = {} }, flags = {}) => {
          const own = manager === "a" ? labels : {};
          const described = { ...(metadata as JsonObject) };
          const all = { ...own, ...(described.labels as Record<string, string>) };
          const change = { metadata: { ...described, name, displayName: null, labels: null }, spec: null };
          const resource = await context.sample(kind, change);
          metadataOf(resource).labels = all;
          resource.spec = fromJson(kind.spec, spec) as never;
          return await apply(context, kind, resource, { ...flags, manager });
        },
      });
    },
  };
}

/** Makes a server of tools, and returns its name. */
async function server(context: Context): Promise<string> {
  return metadataOf(await context.kind("McpServer").create(await context.sample("McpServer"))).name;
}

function owners(resource: Resource, path: string): readonly string[] {
  return metadataOf(resource)
    .fieldManagers.filter(({ fields }) => fields.includes(path))
    .map(({ name }) => name);
}

function servers({ spec }: Resource): readonly string[] {
  return usages(spec)
    .map(({ name }) => name)
    .sort();
}

function tools({ spec }: Resource): readonly string[] {
  return usages(spec).flatMap((usage) => usage.tools);
}

function usages(spec: Resource["spec"]): readonly { readonly name: string; readonly tools: string[] }[] {
  return (spec?.mcpServers ?? []) as never;
}
