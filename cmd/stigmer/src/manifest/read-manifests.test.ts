import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { createWorld } from "../deps.fake.ts";
import { keyOf } from "./apply-order.ts";
import { formatProblem } from "./place.ts";
import { parseManifests, readManifests } from "./read-manifests.ts";

describe("good manifests", () => {
  it("reads every document of a file, in YAML or JSON, and leaves empty ones out", () => {
    const text = `---\n${agent("a1")}---\n# nothing\n---\n{"kind": "Agent", "metadata": {"name": "a2"}, "spec": {"instructions": "x"}}\n`;

    const { manifests, problems } = parse(text);

    expect([manifests.map(keyOf), problems]).toEqual([["Agent/a1", "Agent/a2"], []]);
  });

  it("takes snake case for JSON names", () => {
    const { manifests, problems } = parse(`
kind: Agent
api_version: agentic.stigmer.ai/v1
metadata: {name: a1, display_name: "One"}
spec:
  instructions: x
  max_turns: 7
  mcp_servers: [{name: notes}]
`);

    expect(problems).toEqual([]);
    expect(manifests[0]?.resource).toMatchObject({
      metadata: { displayName: "One" },
      spec: { maxTurns: 7, mcpServers: [{ name: "notes" }] },
    });
  });

  it("follows aliases", () => {
    const { manifests, problems } = parse(`
kind: McpServer
metadata: {name: m}
spec:
  stdio:
    command: &c run
    args: [*c, *c]
  callTimeout: 1.5s
`);

    expect(problems).toEqual([]);
    expect(manifests[0]?.resource).toMatchObject({
      spec: {
        transport: { case: "stdio", value: { args: ["run", "run"] } },
        callTimeout: { seconds: 1n, nanos: 500_000_000 },
      },
    });
  });

  it("keeps the keys of a map as text, whatever they look like", () => {
    const { manifests } = parse(`
kind: McpServer
metadata: {name: m}
spec: {stdio: {command: c, env: {A_B: q, 1: r, true: s}}}
`);

    expect(manifests[0]?.resource).toMatchObject({
      spec: { transport: { value: { env: { A_B: "q", "1": "r", true: "s" } } } },
    });
  });
});

const ENVELOPE = "kind: Agent\nmetadata:\n  name: a1\n";

describe("bad manifests", () => {
  it.each<[string, string, string[]]>([
    [
      "an unknown key, with the nearest known name",
      `${ENVELOPE}spec:\n  instuctions: x\n`,
      ["f.yaml:5:3: spec.instuctions: unknown field; did you mean instructions?"],
    ],
    [
      "an unknown key that is near to none",
      `${ENVELOPE}spec:\n  instructions: x\n  zzz: 1\n`,
      [
        "f.yaml:6:3: spec.zzz: unknown field; known fields: instructions, description, model, mcpServers, maxTurns, subAgents, askUser, approvals, runnerSelector, fallbackModels, modelOptions, limits, output, skills, variables, environments, todoList, planFirst, compaction",
      ],
    ],
    [
      "an unknown key in a list",
      `${ENVELOPE}spec:\n  instructions: x\n  mcpServers:\n    - nam: y\n`,
      ["f.yaml:7:7: spec.mcpServers[0].nam: unknown field; did you mean name?"],
    ],
    [
      "both spellings of one key",
      `${ENVELOPE}spec:\n  instructions: x\n  maxTurns: 1\n  max_turns: 2\n`,
      ["f.yaml:7:3: spec.max_turns: can't stand beside maxTurns"],
    ],
    [
      "two fields of which one may be given",
      "kind: McpServer\nmetadata: {name: m}\nspec:\n  http: {url: 'http://x'}\n  stdio: {command: x}\n",
      ["f.yaml:5:3: spec.stdio: can't stand beside http"],
    ],
    ["a key given twice", `${ENVELOPE}metadata:\n  name: b\n`, ["f.yaml:4:1: map keys must be unique"]],
    [
      "malformed YAML",
      "kind: Agent\nspec: [1,\n",
      ["f.yaml:3:1: flow sequence in block collection must be sufficiently indented and end with a ]"],
    ],
    [
      "a number where text is expected",
      `${ENVELOPE}spec:\n  instructions: 42\n`,
      ["f.yaml:5:17: spec.instructions: must be text, not the number 42; put it in quotes"],
    ],
    [
      "text where a number is expected",
      `${ENVELOPE}spec:\n  instructions: x\n  maxTurns: many\n`,
      ['f.yaml:6:13: spec.maxTurns: must be a whole number in range, not the text "many"'],
    ],
    [
      "a number that is too large for its field",
      `${ENVELOPE}spec:\n  instructions: x\n  maxTurns: 99999999999999999999\n`,
      ["f.yaml:6:13: spec.maxTurns: must be a whole number in range, not the number 99999999999999999999"],
    ],
    [
      "a map where a list is expected",
      `${ENVELOPE}spec:\n  instructions: x\n  mcpServers: {name: y}\n`,
      ["f.yaml:6:15: spec.mcpServers: must be a list, not a map"],
    ],
    [
      "text where a map is expected",
      `${ENVELOPE}spec: hello\n`,
      ['f.yaml:4:7: spec: must be a map of fields, not the text "hello"'],
    ],
    [
      "a list in a list of messages",
      `${ENVELOPE}spec:\n  instructions: x\n  mcpServers: [[]]\n`,
      ["f.yaml:6:16: spec.mcpServers[0]: must be a map of fields, not a list"],
    ],
    [
      "a span of time that is none",
      "kind: McpServer\nmetadata: {name: m}\nspec:\n  callTimeout: 5 minutes\n",
      ['f.yaml:4:16: spec.callTimeout: must be a span of time such as "30s" or "1.5s", not the text "5 minutes"'],
    ],
    [
      "a wrong value in a map",
      "kind: McpServer\nmetadata: {name: m}\nspec:\n  stdio:\n    command: c\n    env: {A: true}\n",
      ['f.yaml:6:14: spec.stdio.env["A"]: must be text, not true; put it in quotes'],
    ],
    [
      "a kind that is missing",
      "metadata: {name: a1}\n",
      ["f.yaml:1:1: kind: is required; one of Agent, Environment, McpServer, Session, Skill"],
    ],
    ["a kind that is misspelled", "kind: Agnet\n", ['f.yaml:1:7: kind: there is no kind "Agnet"; did you mean Agent?']],
    [
      "a kind that the system makes",
      "kind: Approval\n",
      ["f.yaml:1:7: kind: resources of the kind Approval can't be applied; the system makes them"],
    ],
    [
      "another version of the kind",
      "apiVersion: agentic.stigmer.ai/v9\nkind: Agent\n",
      ["f.yaml:1:13: apiVersion: must be agentic.stigmer.ai/v1 for the kind Agent"],
    ],
    ["a document that is no map", "- 1\n", ["f.yaml:1:1: a manifest is a map of apiVersion, kind, metadata and spec"]],
    ["a tag", `${ENVELOPE}spec:\n  instructions: !run x\n`, ["f.yaml:5:17: unresolved tag: !run"]],
    [
      "a tag of YAML's own that stands for no JSON",
      `${ENVELOPE}spec:\n  instructions: !!binary aGk=\n`,
      ["f.yaml:5:26: tags are not supported"],
    ],
    ["an alias without an anchor", `${ENVELOPE}spec: *x\n`, ['f.yaml:4:7: there is no anchor "x" before this alias']],
    [
      "a merge key",
      `${ENVELOPE}spec:\n  <<: {instructions: x}\n`,
      [
        "f.yaml:5:3: spec.<<: unknown field; known fields: instructions, description, model, mcpServers, maxTurns, subAgents, askUser, approvals, runnerSelector, fallbackModels, modelOptions, limits, output, skills, variables, environments, todoList, planFirst, compaction",
      ],
    ],
    [
      "a resource that is given twice",
      `${agent("a1")}---\n${agent("a1")}`,
      ["f.yaml:7:1: metadata.name: Agent/a1 is given twice, first at f.yaml:1:1"],
    ],
  ])("refuses %s", (_, text, expected) => {
    const { problems } = parse(text);

    expect(problems.map(formatProblem)).toEqual(expected);
  });

  it("names everything that is wrong, in every document", () => {
    const { problems } = parse(`${ENVELOPE}spec:\n  a: 1\n  b: 2\n---\nkind: Agent\nspec: 3\n`);

    expect(problems.map(({ place, path }) => [place.line, path])).toEqual([
      [5, "spec.a"],
      [6, "spec.b"],
      [9, "spec"],
    ]);
  });

  it("refuses aliases that would grow without end", () => {
    const levels = Array.from({ length: 12 }, (_, at) => `  a${at + 1}: &x${at + 1} [${`*x${at}, `.repeat(9)}]`);

    const { problems } = parse(`kind: Agent\nspec:\n  a0: &x0 [1]\n${levels.join("\n")}\n`);

    expect(problems.map(({ message }) => message)).toContain("more than 100 aliases");
  });

  it("refuses an alias of what holds it", () => {
    const { problems } = parse(`${ENVELOPE}spec: &s\n  mcpServers: &m [*m]\n`);

    expect(problems.length).toBeGreaterThan(0);
  });

  it("refuses what is nested without end", () => {
    const { problems } = parse(`kind: ${"[".repeat(100_000)}`);

    expect(problems.length).toBeGreaterThan(0);
  });

  it.each([
    ['{"kind": "Agent",\n  "spec": {,}}', 2],
    ['{"kind": "Agent",\n  "metadata": {"name": "a"},\n}', 3],
    ["# no comment in JSON\n{}", 1],
    ['{\n  "kind": "Agent", // no comment\n  "spec": {}\n}', 2],
    ['{\n  "kind": Agent\n}', 2],
    ["kind: Agent", 1],
  ])("refuses malformed JSON with its line: %j", (text, line) => {
    const { problems } = parseManifests([{ name: "f.json", text }]);

    expect(problems[0]?.place.line).toBe(line);
  });
});

describe("reading", () => {
  it("reads a folder in order of name, and standard input", async () => {
    const { deps, home } = await createWorld({ stdin: agent("a3") });
    await mkdir(join(home, "dir"));
    await writeFile(join(home, "dir", "b.yaml"), agent("a2"));
    await writeFile(join(home, "dir", "a.yml"), agent("a1"));
    await writeFile(join(home, "dir", "README.md"), "no manifest");

    const manifests = await readManifests(deps, ["dir", "-"]);

    expect(manifests.map(keyOf)).toEqual(["Agent/a1", "Agent/a2", "Agent/a3"]);
  });

  it.each([
    ["nowhere.yaml", "nowhere.yaml: no such file or folder"],
    ["empty.yaml", "no manifest in empty.yaml"],
    ["latin1.yaml", "latin1.yaml: is not UTF-8 text"],
    ["large.yaml", "large.yaml: is larger than 4 MiB"],
    ["empty", "empty: the folder holds no manifest"],
  ])("refuses %s", async (name, message) => {
    const { deps, home } = await createWorld();
    await mkdir(join(home, "empty"));
    await writeFile(join(home, "empty.yaml"), "# nothing\n");
    await writeFile(join(home, "latin1.yaml"), Buffer.from([0x6b, 0xe4]));
    await writeFile(join(home, "large.yaml"), " ".repeat(4 * 1024 * 1024 + 1));

    await expect(readManifests(deps, [name])).rejects.toMatchObject({ exit: 2, message });
  });

  it("puts first what others refer to, across files", async () => {
    const { deps, home } = await createWorld();
    await writeFile(join(home, "agent.yaml"), `${agent("a1")}  mcpServers: [{name: m1}]\n`);
    await writeFile(join(home, "server.yaml"), "kind: McpServer\nmetadata: {name: m1}\nspec: {stdio: {command: c}}\n");

    const manifests = await readManifests(deps, ["agent.yaml", "server.yaml"]);

    expect(manifests.map(keyOf)).toEqual(["McpServer/m1", "Agent/a1"]);
  });

  it("puts first what lists of others refer to", async () => {
    const { deps, home } = await createWorld();
    const environment = (name: string): string => `kind: Environment\nmetadata: {name: ${name}}\nspec: {}\n`;
    const text = [`${agent("a1")}  environments: [dev, prod]\n`, environment("prod"), environment("dev")].join("---\n");
    await writeFile(join(home, "all.yaml"), text);

    const manifests = await readManifests(deps, ["all.yaml"]);

    expect(manifests.map(keyOf)).toEqual(["Environment/dev", "Environment/prod", "Agent/a1"]);
  });
});

function parse(text: string) {
  return parseManifests([{ name: "f.yaml", text }]);
}

function agent(name: string): string {
  return `kind: Agent\nmetadata:\n  name: ${name}\nspec:\n  instructions: be brief\n`;
}
