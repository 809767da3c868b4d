import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { type Contract, type ContractKind, kebab, readContract } from "./contract.ts";
import { kindFiles, kindProtos } from "./new-kind/kind-files.ts";
import type { KindShape } from "./new-kind/kind-shape.ts";
import { shapeOf, type Taken } from "./new-kind/shape-of.ts";

const ROOT = join(import.meta.dirname, "..");

let contract: Contract;
beforeAll(async () => {
  contract = await readContract(ROOT);
});

describe("what a new kind is written from", () => {
  it.each(["Agent", "Skill", "Session"])("is what %s was written from", async (kind) => {
    const found = contract.kinds.find(({ options }) => options.kind === kind);
    if (!found) throw new Error(`no ${kind}`);
    const written = kindProtos(shapeOfKind(found, contract.comments));

    const same = [...written].filter(([path]) => !/\/(?:spec|status)\.proto$/.test(path));
    const committed = await Promise.all(same.map(([path]) => readFile(join(ROOT, path), "utf8")));
    expect(same.map(([, text]) => text)).toEqual(committed);
    expect(same).toHaveLength(4);
  });

  it("is eight files", () => {
    const files = kindFiles(shapeOf({ name: "tool-box", group: "agentic" }, taken()));

    expect([...files.keys()]).toEqual([
      ...["api", "spec", "status", "command", "query", "io"].map(
        (name) => `apis/ai/stigmer/agentic/toolbox/v1/${name}.proto`,
      ),
      "packages/kinds/src/tool-box.ts",
      "examples/resources/toolbox.yaml",
    ]);
    expect(files.get("packages/kinds/src/tool-box.ts")).toContain("export const toolBox = defineKind({");
  });
});

describe("the name of a new kind", () => {
  it.each([
    ["gadget", { kind: "Gadget", kinds: "Gadgets", plural: "gadgets", idPrefix: "gad", aNoun: "a gadget" }],
    ["tool-box", { kind: "ToolBox", kinds: "ToolBoxes", plural: "toolboxes", idPrefix: "too", aNoun: "a tool box" }],
    ["inventory", { kind: "Inventory", plural: "inventories", idPrefix: "inv", aNoun: "an inventory" }],
    ["skill", { idPrefix: "skl" }],
  ])("gives %s its other names", (name, names) => {
    expect(shapeOf({ name, group: "agentic" }, taken())).toMatchObject(names);
  });

  it.each(["", "Gadget", "toolBox", "tool_box", "2nd", "tool--box", "-tool", "x-ray", "gadget\n", "x".repeat(33)])(
    "is not %j",
    (name) => {
      expect(() => shapeOf({ name, group: "agentic" }, taken())).toThrow(/is no name for a kind|longer than/);
    },
  );

  it.each(["class", "kind", "apply"])("is not the reserved word %s", (name) => {
    expect(() => shapeOf({ name, group: "agentic" }, taken())).toThrow("reserved word");
  });

  it.each(["agent", "agents", "executions"])("is not %s, which commands know already", (name) => {
    expect(() => shapeOf({ name, group: "agentic" }, taken({ words: ["agent", "agents", "executions"] }))).toThrow(
      "is taken",
    );
  });

  it("is not one whose messages are there already", () => {
    const names = new Map([["agentic", new Set(["ExecutionEvent"])]]);

    expect(() => shapeOf({ name: "execution", group: "agentic" }, { ...taken(), names })).toThrow("ExecutionEvent");
  });

  it("is in a group that has kinds", () => {
    expect(() => shapeOf({ name: "gadget", group: "cosmic" }, taken())).toThrow('"cosmic" has no kinds');
  });
});

describe("the id prefix of a new kind", () => {
  it("is the first of its letters that is free", () => {
    const shape = shapeOf({ name: "gadget", group: "agentic" }, taken({ idPrefixes: ["gad"], words: ["gag"] }));

    expect(shape.idPrefix).toBe("gae");
  });

  it("may be said, where it is free", () => {
    const wish = { name: "gadget", group: "agentic", idPrefix: "gdt" };

    expect(shapeOf(wish, taken()).idPrefix).toBe("gdt");
    expect(() => shapeOf(wish, taken({ idPrefixes: ["gdt"] }))).toThrow('"gdt" is taken');
    expect(() => shapeOf({ ...wish, idPrefix: "org" }, taken())).toThrow('"org" is taken');
    expect(() => shapeOf({ ...wish, idPrefix: "G" }, taken())).toThrow("is no id prefix");
  });
});

function taken(of: { readonly words?: readonly string[]; readonly idPrefixes?: readonly string[] } = {}): Taken {
  const { words = [], idPrefixes = [] } = of;
  return { groups: ["agentic"], words: new Set(words), idPrefixes: new Set(idPrefixes), names: new Map() };
}

/** The shape of a kind that is there, from its options; what prose calls it is in no option. */
function shapeOfKind({ message, options }: ContractKind, comments: ReadonlyMap<string, string>): KindShape {
  const { kind, plural, idPrefix, shortNames = [], columns = [], filterFields = [], revisions = false } = options;
  const noun = kind === "McpServer" ? "MCP server" : kebab(kind).replaceAll("-", " ");
  return {
    ...{ kind, plural, idPrefix, shortNames, columns, filterFields, revisions, noun },
    group: "agentic",
    name: kebab(kind),
    kinds: `${kind}s`,
    folder: kind.toLowerCase(),
    aNoun: `${/^[aM]/.test(noun) ? "an" : "a"} ${noun}`,
    nouns: `${noun}s`,
    comment: comments.get(message.typeName) ?? "",
  };
}
