import { existsSync, readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { parse } from "yaml";
import { startDaemon, type TestDaemon } from "./harness.ts";
import { call, type JsonMessage, watch } from "./json-calls.ts";
import { copyTree, type TreeCopy } from "./tree-copy.ts";

const COMMANDS = "ai.stigmer.agentic.gadget.v1.GadgetCommandController";
const QUERIES = "ai.stigmer.agentic.gadget.v1.GadgetQueryController";
const GENERIC = "ai.stigmer.commons.apiresource.v1.ApiResource";

let tree: TreeCopy;
let said: string;
beforeAll(async () => {
  tree = await copyTree();
  said = await tree.run("make", "new-kind", "NAME=gadget");
});
afterAll(() => tree[Symbol.asyncDispose]());

it("says what it wrote, and how ids will begin", () => {
  expect(said).toContain("gad_");
  expect(said).toContain("apis/ai/stigmer/agentic/gadget/v1/spec.proto");
  expect(said).toContain("packages/kinds/src/gadget.ts");
  expect(said).toContain("examples/resources/gadget.yaml");
});

it("writes a contract that the linter passes, that breaks nothing, and that is formatted", async () => {
  await tree.run("buf", "lint");
  await tree.run("buf", "format", "apis", "--diff", "--exit-code");
  await tree.run("buf", "breaking", "apis", "--against", "apis/baseline.binpb");
});

it("writes a registration that is formatted and that the compiler passes", async () => {
  const settings = { extends: "./tsconfig.base.json", files: ["packages/kinds/gen/index.ts"] };
  await writeFile(join(tree.root, "tsconfig.gadget.json"), JSON.stringify(settings));

  await tree.run("biome", "check", "packages/kinds/src");
  await tree.run("tsc", "--project", "tsconfig.gadget.json");
});

it("has a page in the reference", async () => {
  const page = readFileSync(join(tree.root, "docs/reference/kinds/gadget.md"), "utf8");

  expect(page).toContain("gadget.undelete");
  expect(readFileSync(join(tree.root, "docs/reference/README.md"), "utf8")).toContain("kinds/gadget.md");
  await tree.run("node", "tools/gen-docs.ts", "--check");
  await tree.run("node", "tools/check-links.ts");
});

it("is refused a second time, and writes nothing", async () => {
  const again = tree.run("make", "new-kind", "NAME=gadget");

  await expect(again).rejects.toThrow('"gadget" is taken');
  await expect(tree.run("make", "new-kind", "NAME=Gizmo")).rejects.toThrow("is no name for a kind");
  expect(existsSync(join(tree.root, "apis/ai/stigmer/agentic/Gizmo"))).toBe(false);
});

it("is served: made, changed, read, listed, watched, deleted and brought back, and known to the command line", async () => {
  await using daemon = await startDaemon({ program: join(tree.root, "cmd/stigmer-daemon/src/main.ts") });
  const on = callsOf(daemon);
  const example = parse(readFileSync(join(tree.root, "examples/resources/gadget.yaml"), "utf8"));

  expect((await on(`${GENERIC}QueryController/listKinds`, {})).kinds).toContainEqual(
    expect.objectContaining({ kind: "Gadget", plural: "gadgets", managed: "MANAGED_USER" }),
  );
  const made = await on(`${COMMANDS}/create`, { metadata: { name: "made" }, spec: { description: "made" } });
  const { id } = made.metadata;
  expect(id).toMatch(/^gad_/);
  const applied = await on(`${GENERIC}CommandController/apply`, {
    resource: { "@type": "type.googleapis.com/ai.stigmer.agentic.gadget.v1.Gadget", ...example },
  });
  expect(applied).toMatchObject({ action: "ACTION_CREATED", resource: { kind: "Gadget", spec: example.spec } });

  expect(await on(`${QUERIES}/get`, { id })).toEqual(made);
  const selected = await on(`${QUERIES}/list`, { labelSelector: "team in (platform)" });
  expect(namesOf(selected.items)).toEqual(["first-gadget"]);
  const events = await watch({ url: daemon.url, method: `${QUERIES}/watch`, body: { sendInitial: true }, count: 3 });
  expect(events.map(({ type }) => type)).toEqual([
    "WATCH_EVENT_TYPE_ADDED",
    "WATCH_EVENT_TYPE_ADDED",
    "WATCH_EVENT_TYPE_BOOKMARK",
  ]);

  await on(`${COMMANDS}/delete`, { id });
  expect(namesOf((await on(`${QUERIES}/list`, {})).items)).toEqual(["first-gadget"]);
  await on(`${COMMANDS}/undelete`, { id });
  expect(namesOf((await on(`${QUERIES}/list`, {})).items).toSorted()).toEqual(["first-gadget", "made"]);

  const cli = ["cmd/stigmer/src/main.ts", "list", "gadgets", "-o", "name", "--url", daemon.url];
  expect((await tree.run("node", ...cli)).split("\n").sort()).toEqual(["", "gadget/first-gadget", "gadget/made"]);
});

it("is asked by the conformance suite what every kind is asked", async () => {
  await using daemon = await startDaemon({ program: join(tree.root, "cmd/stigmer-daemon/src/main.ts") });
  const suite = ["test/conformance/src/main.ts", "--url", daemon.url, "--json"];

  const said = await tree.run("node", ...suite, "--only", "Gadget: create refuses");

  const lines = said.trimEnd().split("\n");
  expect(lines.at(-1)).toMatch(/^[1-9]\d+ passed, 0 failed$/);
  expect(said).toContain("Gadget: create refuses a name that is taken");
});

it("does not keep make from refusing a field that breaks", async () => {
  const spec = join(tree.root, "apis/ai/stigmer/agentic/agent/v1/spec.proto");
  await writeFile(spec, readFileSync(spec, "utf8").replace("string description = 2 ", "string summary = 2 "));

  const verified = tree.run("make", "--assume-old=gen", "verify-proto");

  await expect(verified).rejects.toThrow(/agent\/v1\/spec\.proto:\d+:\d+:.*"summary"/);
});

function callsOf({ url }: TestDaemon): (method: string, body: unknown) => Promise<JsonMessage> {
  return (method, body) => call({ url, method, body });
}

function namesOf(items: readonly JsonMessage[]): readonly string[] {
  return items.map(({ metadata }) => metadata.name);
}
