import { ApiResourceQueryController } from "@stigmer/contracts/commons";
import { ServerQueryController } from "@stigmer/contracts/platform";
import { describe, expect, it } from "vitest";
import { GET_INFO } from "../backend/probe.ts";
import { SEARCH } from "../commands/search.ts";
import { cellsOf, headingsOf } from "./columns.ts";
import { allKinds, findKind, requireVerb } from "./kinds.ts";
import { methodOf } from "./registry.ts";
import { resourceArgument } from "./resource-argument.ts";

const kinds = allKinds();

describe("kinds", () => {
  it("come from the descriptors, each with what its services can do", () => {
    const summary = kinds.map(({ kind, apiVersion, verbs }) => [kind, apiVersion, verbs.LIST?.path]);

    expect(summary).toContainEqual([
      "Agent",
      "agentic.stigmer.ai/v1",
      "/ai.stigmer.agentic.agent.v1.AgentQueryController/list",
    ]);
    expect(new Set(kinds.map(({ kind }) => kind)).size).toBe(kinds.length);
    expect(kinds.every(({ managed }) => ["USER", "START_ONLY", "SYSTEM"].includes(managed))).toBe(true);
  });

  it.each([
    ["agent", "Agent"],
    ["agents", "Agent"],
    ["AGT", "Agent"],
    ["mcp", "McpServer"],
    ["executions", "AgentExecution"],
    ["McpServer", "McpServer"],
  ])("are found by %s", (word, kind) => {
    expect(findKind(kinds, word).kind).toBe(kind);
  });

  it("refuses an unknown word with the nearest known one", () => {
    expect(() => findKind(kinds, "agnet")).toThrow(expect.objectContaining({ exit: 2, next: "did you mean agent?" }));
  });

  it("refuses a verb that a kind does not have, saying who makes it", () => {
    const approval = findKind(kinds, "approval");

    expect(() => requireVerb(approval, "DELETE", "deleted")).toThrow(
      expect.objectContaining({ exit: 2, next: "the system makes and changes it" }),
    );
  });
});

describe("methods that are called by their path", () => {
  it.each([
    [GET_INFO, ServerQueryController.method.getInfo],
    [SEARCH, ApiResourceQueryController.method.search],
  ])("%s is the contract's", (path, method) => {
    expect(methodOf({ path }).toString()).toBe(method.toString());
  });
});

describe("a resource on the command line", () => {
  it.each([
    [["agent", "x"], "x"],
    [["agent/x", undefined], "x"],
    [["agt/agt_01", undefined], "agt_01"],
  ] as const)("is read from %j", ([kind, name], expected) => {
    const { kind: found, reference } = resourceArgument(kind, name);

    expect([found.kind, reference]).toEqual(["Agent", { name: expected, revision: "" }]);
  });

  it.each([
    ["x@v1", { name: "x", revision: "v1" }],
    [`x@sha256:${"a".repeat(64)}`, { name: "x", revision: `sha256:${"a".repeat(64)}` }],
  ])("may be a revision: %s", (word, expected) => {
    expect(resourceArgument("agent", word).reference).toEqual(expected);
  });

  it.each(["x@", "@v1", "x@sha256:12", "x@a b"])("is no revision as %s", (word) => {
    expect(() => resourceArgument("agent", word)).toThrow(expect.objectContaining({ exit: 2 }));
  });

  it.each([
    ["agent", undefined],
    ["agent/", undefined],
    ["agent/x", "y"],
    ["nothing/x", undefined],
  ])("is refused as %j %j", (kind, name) => {
    expect(() => resourceArgument(kind, name)).toThrow(expect.objectContaining({ exit: 2 }));
  });
});

describe("columns", () => {
  const createTime = "2026-01-31T11:58:00Z";
  const now = Date.parse("2026-01-31T12:00:00Z");

  it("are those of the descriptor, beside name and age", () => {
    expect(headingsOf(findKind(kinds, "mcp"), { wide: true })).toEqual([
      "name",
      "command",
      "url",
      "age",
      "labels",
      "id",
    ]);
  });

  it("read values at their paths, through a oneof and where nothing is set", () => {
    const server = {
      metadata: { name: "m", id: "mcp_1", createTime, labels: { team: "a", old: "" } },
      spec: { stdio: { command: "run" } },
    };

    expect(cellsOf(findKind(kinds, "mcp"), server, { wide: true, now })).toEqual([
      "m",
      "run",
      "",
      "2m",
      "team=a,old",
      "mcp_1",
    ]);
  });

  it("show times as RFC 3339 where no age is wanted", () => {
    const runner = { metadata: { name: "r", createTime }, status: { connected: true } };

    expect(cellsOf(findKind(kinds, "runner"), runner, { wide: false })).toEqual([
      "r",
      "true",
      "",
      "2026-01-31T11:58:00.000Z",
    ]);
  });

  it("show values of enums without what all of them begin with, and nothing for the zero", () => {
    const execution = { status: { phase: "EXECUTION_PHASE_WAITING_FOR_APPROVAL" } };
    const approval = { status: {} };

    expect(cellsOf(findKind(kinds, "aex"), execution, { wide: false })[2]).toBe("WAITING_FOR_APPROVAL");
    expect(cellsOf(findKind(kinds, "apr"), approval, { wide: false })[3]).toBe("");
  });
});
