import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import {
  AgentExecutionSchema,
  ApprovalSchema,
  ExecutionPhase,
  McpServerSchema,
  RunnerSchema,
} from "@stigmer/contracts/agentic";
import { Managed, Verb } from "@stigmer/contracts/commons";
import { describe, expect, it } from "vitest";
import { cellsOf, headingsOf } from "./columns.ts";
import { allKinds, findKind, requireMethod } from "./kinds.ts";
import { resourceArgument } from "./resource-argument.ts";

const kinds = allKinds();

describe("kinds", () => {
  it("come from the descriptors, each with what its services can do", () => {
    const summary = kinds.map(({ options, apiVersion, methods }) => [options.kind, apiVersion, methods.has(Verb.LIST)]);

    expect(summary).toContainEqual(["Agent", "agentic.stigmer.ai/v1", true]);
    expect(new Set(kinds.map(({ options }) => options.kind)).size).toBe(kinds.length);
    expect(kinds.every(({ options }) => options.managed !== Managed.UNSPECIFIED)).toBe(true);
  });

  it.each([
    ["agent", "Agent"],
    ["agents", "Agent"],
    ["AGT", "Agent"],
    ["mcp", "McpServer"],
    ["executions", "AgentExecution"],
    ["McpServer", "McpServer"],
  ])("are found by %s", (word, kind) => {
    expect(findKind(kinds, word).options.kind).toBe(kind);
  });

  it("refuses an unknown word with the nearest known one", () => {
    expect(() => findKind(kinds, "agnet")).toThrow(expect.objectContaining({ exit: 2, next: "did you mean agent?" }));
  });

  it("refuses a verb that a kind does not have, saying who makes it", () => {
    const approval = findKind(kinds, "approval");

    expect(() => requireMethod(approval, Verb.DELETE, "deleted")).toThrow(
      expect.objectContaining({ exit: 2, next: "the system makes and changes it" }),
    );
  });
});

describe("a resource on the command line", () => {
  it.each([
    [["agent", "x"], "x"],
    [["agent/x", undefined], "x"],
    [["agt/agt_01", undefined], "agt_01"],
  ] as const)("is read from %j", ([kind, name], expected) => {
    const { kind: found, name: word } = resourceArgument(kind, name);

    expect([found.options.kind, word]).toEqual(["Agent", expected]);
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
  const createTime = timestampFromMs(Date.parse("2026-01-31T11:58:00Z"));
  const now = Date.parse("2026-01-31T12:00:00Z");

  it("are those of the descriptor, beside name and age", () => {
    expect(headingsOf(findKind(kinds, "mcp"), { wide: true })).toEqual(["name", "command", "url", "age", "id"]);
  });

  it("read values at their paths, through a oneof and where nothing is set", () => {
    const server = create(McpServerSchema, {
      metadata: { name: "m", id: "mcp_1", createTime },
      spec: { transport: { case: "stdio", value: { command: "run" } } },
    });

    expect(cellsOf(findKind(kinds, "mcp"), server, { wide: true, now })).toEqual(["m", "run", "", "2m", "mcp_1"]);
  });

  it("show times as RFC 3339 where no age is wanted", () => {
    const runner = create(RunnerSchema, { metadata: { name: "r", createTime }, status: { connected: true } });

    expect(cellsOf(findKind(kinds, "runner"), runner, { wide: false })).toEqual([
      "r",
      "true",
      "",
      "2026-01-31T11:58:00.000Z",
    ]);
  });

  it("show values of enums without what all of them begin with, and nothing for the zero", () => {
    const execution = create(AgentExecutionSchema, { status: { phase: ExecutionPhase.WAITING_FOR_APPROVAL } });
    const approval = create(ApprovalSchema, { status: {} });

    expect(cellsOf(findKind(kinds, "aex"), execution, { wide: false })[2]).toBe("WAITING_FOR_APPROVAL");
    expect(cellsOf(findKind(kinds, "apr"), approval, { wide: false })[3]).toBe("");
  });
});
