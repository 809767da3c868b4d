import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { schemaOf } from "../contract/json-schema.ts";
import { createWorld } from "../deps.fake.ts";
import { allKinds, findKind } from "../kinds/kinds.ts";

const agent = findKind(allKinds(), "agent");

describe("explain", () => {
  it("says what a field means, its type, and what its value must be", async () => {
    const world = await createWorld();

    const code = await world.run("explain", "agent.spec.model");

    expect([code, world.stdout()]).toEqual([
      0,
      `KIND:     Agent
VERSION:  agentic.stigmer.ai/v1
FIELD:    spec.model <string>

DESCRIPTION:
  Model as \`provider/model\`; empty means the backend's default.

RULES:
  - at most 256 characters
  - must have the form provider/model, such as openai/gpt-5 or ollama/qwen3
`,
    ]);
  });

  it.each([
    ["agent.metadata.id", "- set by the backend only, ignored on input"],
    ["agent.metadata.org", "- can't be changed once set"],
    ["agent.spec.instructions", "- required"],
    ["agents.spec.mcpServers.name", "- names a resource of the kind McpServer, which must exist"],
    ["agent.spec.mcp_servers", "- items are told apart by name; apply merges them one by one"],
    ["mcp.spec.stdio", "- at most one of stdio, http"],
    ["agent.metadata.labels", "<map[string]string>"],
  ])("says of %s: %s", async (path, text) => {
    const world = await createWorld();

    await world.run("explain", path);

    expect(world.stdout()).toContain(text);
  });

  it("lists the fields of a kind, each with a sentence", async () => {
    const world = await createWorld();

    await world.run("explain", "agent");

    expect(world.stdout()).toContain("  spec <AgentSpec> required\n      What is wanted.\n");
  });

  it("shows a tree of all fields, and ends where a message holds itself", async () => {
    const world = await createWorld();

    await world.run("explain", "agent", "--recursive");

    expect(world.stdout()).toContain("    mcpServers <[]McpServerUsage>\n      name <string>\n");
  });

  it.each(allKinds().map(({ kind }) => [kind]))("knows %s", async (kind) => {
    const world = await createWorld();

    expect([await world.run("explain", kind), await world.run("explain", kind, "--recursive")]).toEqual([0, 0]);
  });

  it("refuses a field that is not there, with the nearest", async () => {
    const world = await createWorld();

    const code = await world.run("explain", "agent.spec.modle");

    expect([code, world.stderr()]).toEqual([2, 'error: spec has no field "modle"\ndid you mean model?\n']);
  });
});

type Schema = { readonly [name: string]: Schema };

describe("schema", () => {
  it("holds the rules of the contract in JSON Schema's own words", async () => {
    const world = await createWorld();

    await world.run("schema", "agent");

    const schema = JSON.parse(world.stdout());
    expect(schema).toMatchObject({
      $schema: "https://json-schema.org/draft/2020-12/schema",
      required: ["kind", "metadata", "spec"],
      additionalProperties: false,
      properties: { kind: { const: "Agent" }, apiVersion: { const: "agentic.stigmer.ai/v1" } },
    });
    const { properties, required } = schema.$defs["ai.stigmer.agentic.agent.v1.AgentSpec"];
    expect([required, properties.instructions, properties.maxTurns]).toMatchObject([
      ["instructions"],
      { type: "string", minLength: 1, maxLength: 262144 },
      { type: "integer", minimum: 0, maximum: 1000 },
    ]);
  });

  it("marks what only the backend sets as read-only, and never requires it", () => {
    const schema = schemaOf([agent], { of: () => "" }) as unknown as Schema;

    const metadata = schema.$defs?.["ai.stigmer.commons.apiresource.v1.ApiResourceMetadata"];
    expect([metadata?.properties?.id, metadata?.required]).toMatchObject([{ readOnly: true }, undefined]);
  });

  it("refers to nothing that it does not define", () => {
    const kinds = allKinds().filter(({ managed }) => managed === "USER");

    const text = JSON.stringify(schemaOf(kinds, { of: () => "" }));

    const { $defs } = JSON.parse(text);
    const references = [...text.matchAll(/"#\/\$defs\/([^"]+)"/g)].map(([, name = ""]) => name);
    expect(references.filter((name) => !Object.hasOwn($defs, name))).toEqual([]);
    expect(references.length).toBeGreaterThan(kinds.length);
  });

  it("writes one file per kind into a folder", async () => {
    const world = await createWorld();

    const code = await world.run("schema", "--dir", "schemas");

    const files = await readdir(join(world.home, "schemas"));
    expect([code, files]).toEqual([0, expect.arrayContaining(["agent.schema.json", "mcpserver.schema.json"])]);
  });

  it("refuses a kind that no manifest can describe", async () => {
    const world = await createWorld();

    expect(await world.run("schema", "approval")).toBe(2);
  });

  it("is what the files of a new project point to", async () => {
    const world = await createWorld();

    // Where no backend answers, the project is written before that is said.
    await world.run("init", "demo", "--url", "http://127.0.0.1:1");

    for (const name of ["agent.yaml", "mcp-server.yaml"]) {
      const text = await readFile(join(world.home, "demo", name), "utf8");
      const schema = /^# yaml-language-server: \$schema=(\S+)\n/.exec(text)?.[1] ?? "";
      expect(JSON.parse(await readFile(join(world.home, "demo", schema), "utf8")).$defs).toBeDefined();
    }
  });
});

describe("kinds", () => {
  it("shows every kind, and asks no backend", async () => {
    const world = await createWorld();

    const code = await world.run("kinds", "-o", "name");

    expect([code, world.stdout().trim().split("\n")]).toEqual([0, allKinds().map(({ kind }) => kind.toLowerCase())]);
  });
});
