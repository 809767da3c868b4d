import { create, equals, type MessageInitShape } from "@bufbuild/protobuf";
import { AgentCommandController, AgentQueryController, AgentSchema } from "@stigmer/contracts/agentic";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createKinds, defineKind, type Resource } from "../kind.ts";
import { metadataOf } from "../stored.ts";
import { type Leaves, leavesOf, pathsOf } from "./leaves.ts";
import { planMerge } from "./merge-plan.ts";
import { toManagers } from "./owners.ts";

const kind = defineKind({ message: AgentSchema, services: [AgentCommandController, AgentQueryController] });
const { registry } = createKinds([kind]);

const word = fc.constantFrom("a", "b", "c");
const server = fc.record({ name: word, tools: fc.uniqueArray(word, { maxLength: 2 }) });
/** What somebody applies: some of the fields, with one of a few values each, so that they meet. */
const applied = fc
  .record(
    {
      description: word,
      model: word,
      instructions: word,
      maxTurns: fc.integer({ min: 1, max: 3 }),
      mcpServers: fc.uniqueArray(server, { selector: ({ name }) => name, maxLength: 3 }),
      labels: fc.dictionary(word, word, { maxKeys: 2 }),
      displayName: word,
    },
    { requiredKeys: [] },
  )
  .map(({ labels, displayName, ...spec }) => resource({ metadata: { name: "x", labels, displayName }, spec } as never));
const manager = fc.constantFrom("ops", "dev", "ci");
const step = fc.record({ applied, manager, force: fc.boolean() });
const history = fc.array(step, { maxLength: 6 });

function resource(init: MessageInitShape<typeof AgentSchema>): Resource {
  return create(AgentSchema, init) as Resource;
}

/** Applies as the verb does, without what belongs to storing. */
function apply(previous: Resource, { applied: wanted, manager: name, force }: Step): Resource {
  const { merged, owners, conflicts } = planMerge({ kind, registry }, previous, { applied: wanted, manager: name });
  if (conflicts.length > 0 && !force) return previous;
  metadataOf(merged).fieldManagers = toManagers(owners, [], { touched: "", now: 0 });
  return merged;
}

type Step = { readonly applied: Resource; readonly manager: string; readonly force: boolean };

const after = (steps: readonly Step[]): Resource =>
  steps.reduce(apply, resource({ metadata: { name: "x" }, spec: {} } as never));
const leaves = (of: Resource): Leaves => leavesOf(kind, of, registry);
const owned = (of: Resource, name: string): readonly string[] =>
  metadataOf(of).fieldManagers.find((one) => one.name === name)?.fields ?? [];
const othersOwn = (of: Resource, name: string): Set<string> =>
  new Set(metadataOf(of).fieldManagers.flatMap((one) => (one.name === name ? [] : one.fields)));

describe("an apply, whatever came before", () => {
  it("changes nothing when it is repeated", () => {
    fc.assert(
      fc.property(history, step, (steps, last) => {
        const once = apply(after(steps), { ...last, force: true });
        const twice = apply(once, { ...last, force: false });

        expect(equals(AgentSchema, once as never, twice as never)).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  it("sets what it says, and its manager then owns that and nothing else", () => {
    fc.assert(
      fc.property(history, step, (steps, last) => {
        const next = apply(after(steps), { ...last, force: true });

        const now = leaves(next);
        for (const [path, leaf] of leaves(last.applied)) expect(now.get(path)).toEqual(leaf);
        expect([...owned(next, last.manager)]).toEqual(pathsOf(kind, last.applied).sort());
      }),
      { numRuns: 500 },
    );
  });

  it("without force, leaves every field that others own with its value", () => {
    fc.assert(
      fc.property(history, step, (steps, last) => {
        const before = after(steps);
        const next = apply(before, { ...last, force: false });

        const now = leaves(next);
        for (const path of othersOwn(before, last.manager)) expect(now.get(path)).toEqual(leaves(before).get(path));
      }),
      { numRuns: 500 },
    );
  });

  it("removes just what its manager alone owned and no longer sets", () => {
    fc.assert(
      fc.property(history, manager, (steps, name) => {
        const before = after(steps);
        const alone = owned(before, name).filter((path) => !othersOwn(before, name).has(path));

        const next = apply(before, { applied: resource({ metadata: { name: "x" } }), manager: name, force: false });

        const gone = [...leaves(before).keys()].filter((path) => !leaves(next).has(path));
        expect(gone.sort()).toEqual([...alone].sort());
      }),
      { numRuns: 500 },
    );
  });

  it("leaves only owners of fields that are there", () => {
    fc.assert(
      fc.property(history, (steps) => {
        const end = after(steps);

        const there = new Set(leaves(end).keys());
        for (const { fields } of metadataOf(end).fieldManagers)
          for (const path of fields) expect(there).toContain(path);
      }),
      { numRuns: 500 },
    );
  });
});
