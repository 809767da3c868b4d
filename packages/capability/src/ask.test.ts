import { create } from "@bufbuild/protobuf";
import { ExecutionCreatedSchema, ToolDefinitionSchema } from "@stigmer/contracts/agentic";
import type { ExecutionState } from "@stigmer/execution";
import type { Json } from "@stigmer/resource";
import { expect, it } from "vitest";
import { approvalDigest } from "./ask.ts";

type Asked = {
  executionId?: string;
  stepKey?: string;
  name?: string;
  definition?: string;
  revision?: string;
  requestedBy?: string;
  value?: Record<string, Json>;
};

function digestOf(of: Asked = {}): string {
  const created = create(ExecutionCreatedSchema, {
    agentRevision: of.revision ?? "sha256:agent",
    requestedBy: of.requestedBy ?? "ada",
  });
  const tool = create(ToolDefinitionSchema, { name: of.name ?? "files__act", digest: of.definition ?? "sha256:tool" });
  const { executionId = "aex_1", stepKey = "tool", value = { path: "a", depth: 1 } } = of;
  return approvalDigest({ executionId, stepKey, tool, state: { created } as ExecutionState, value });
}

it("binds an approval to the call, however its arguments are written", () => {
  expect(digestOf({ value: { depth: 1.0, path: "a" } })).toBe(digestOf());
});

it.each<[string, Asked]>([
  ["other arguments", { value: { path: "b", depth: 1 } }],
  ["more arguments", { value: { path: "a", depth: 1, force: true } }],
  ["another definition of the tool", { definition: "sha256:changed" }],
  ["another tool", { name: "files__other" }],
  ["another step", { stepKey: "tool/2" }],
  ["another execution", { executionId: "aex_2" }],
  ["another revision of the agent", { revision: "sha256:changed" }],
  ["another requester", { requestedBy: "eve" }],
])("binds it to nothing else: not to %s", (_, other) => {
  expect(digestOf(other)).not.toBe(digestOf());
});
