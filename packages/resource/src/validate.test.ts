import { create } from "@bufbuild/protobuf";
import {
  AgentExecutionSchema,
  AgentSchema,
  McpServerSchema,
  RunnerMessageSchema,
  SessionSchema,
} from "@stigmer/contracts/agentic";
import { describe, expect, it } from "vitest";
import { clearOutputOnly, createRules, immutableChanges, keepingReferences, references } from "./validate.ts";

const rules = createRules();

describe("rules", () => {
  it("pass what keeps them", () => {
    const agent = create(AgentSchema, { metadata: { name: "a" }, spec: { instructions: "x" } });

    expect(() => rules.check(AgentSchema, agent)).not.toThrow();
  });

  it("name each field that breaks one as a manifest writes it", () => {
    const server = create(McpServerSchema, {
      metadata: { labels: { "no key": "" } },
      spec: { transport: { case: "stdio", value: { command: "", env: { "1": "x" } } } },
    });

    expect(() => rules.check(McpServerSchema, server)).toThrow(
      expect.objectContaining({
        reason: "INVALID_REQUEST",
        violations: [
          expect.objectContaining({ field: 'metadata.labels["no key"]' }),
          expect.objectContaining({ field: "spec.stdio.command" }),
          expect.objectContaining({ field: 'spec.stdio.env["1"]' }),
        ],
      }),
    );
  });

  it("reach into lists", () => {
    const hello = { name: "a", instance: "12345678", roles: [1], protocolVersion: 1, running: [{ executionId: "" }] };
    const message = create(RunnerMessageSchema, { message: { case: "hello", value: hello } });

    expect(() => rules.check(RunnerMessageSchema, message)).toThrow(
      expect.objectContaining({
        violations: [
          expect.objectContaining({ field: "hello.running[0].executionId" }),
          expect.objectContaining({ field: "hello.running[0].epoch" }),
        ],
      }),
    );
  });
});

it("clears what only the backend sets, and nothing else", () => {
  const agent = create(AgentSchema, {
    metadata: { name: "a", id: "agt_1", generation: 3n, createdBy: "x", labels: { a: "b" }, resourceVersion: "7" },
    spec: { instructions: "x" },
    status: { revision: "forged" },
  });

  clearOutputOnly(AgentSchema, agent);

  expect(agent).toEqual(
    create(AgentSchema, {
      metadata: { name: "a", labels: { a: "b" }, resourceVersion: "7" },
      spec: { instructions: "x" },
    }),
  );
});

it("finds each immutable field that differs: changed, added and removed", () => {
  const session = (spec: object) => create(SessionSchema, { metadata: { org: "local" }, spec });
  const before = session({ agent: "a", workspace: "/x" });

  const changed = immutableChanges(SessionSchema, before, session({ agent: "b", workspace: "/x" }));
  const removed = immutableChanges(SessionSchema, before, session({ agent: "a" }));
  const added = immutableChanges(SessionSchema, session({ agent: "a" }), before);
  const none = immutableChanges(SessionSchema, before, session({ agent: "a", workspace: "/x" }));

  expect([changed, removed, added, none].map((list) => list.map(({ field }) => field))).toEqual([
    ["spec.agent"],
    ["spec.workspace"],
    ["spec.workspace"],
    [],
  ]);
});

it("finds the references that keep what they name, and no others", () => {
  const agent = create(AgentSchema, {
    spec: { skills: [{ name: "s" }], subAgents: [{ agent: "x" }], environments: ["dev"] },
  });
  const execution = create(AgentExecutionSchema, { spec: { agent: "x", sessionId: "ses_1" } });

  expect(
    keepingReferences(AgentSchema, agent)
      .map(({ kind, value }) => `${kind}/${value}`)
      .sort(),
  ).toEqual(["Environment/dev", "Skill/s"]);
  expect(keepingReferences(AgentExecutionSchema, execution)).toEqual([]);
});

it("finds references with their paths, and whether they are names or ids", () => {
  const servers = [{ name: "a" }, { name: "" }, { name: "b" }];
  const agent = create(AgentSchema, { spec: { mcpServers: servers, environments: ["dev", "prod"] } });
  const execution = create(AgentExecutionSchema, { spec: { agent: "x", sessionId: "ses_1" } });

  expect(references(AgentSchema, agent)).toEqual([
    { path: "spec.mcpServers[0].name", kind: "McpServer", value: "a", byId: false },
    { path: "spec.mcpServers[2].name", kind: "McpServer", value: "b", byId: false },
    { path: "spec.environments[0]", kind: "Environment", value: "dev", byId: false },
    { path: "spec.environments[1]", kind: "Environment", value: "prod", byId: false },
  ]);
  expect(references(AgentExecutionSchema, execution)).toEqual([
    { path: "spec.agent", kind: "Agent", value: "x", byId: false },
    { path: "spec.sessionId", kind: "Session", value: "ses_1", byId: true },
  ]);
});
