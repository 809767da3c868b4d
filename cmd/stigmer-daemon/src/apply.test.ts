import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { AnySchema, anyPack, anyUnpack } from "@bufbuild/protobuf/wkt";
import {
  type Agent,
  AgentExecutionSchema,
  AgentQueryController,
  AgentSchema,
  ApprovalSchema,
} from "@stigmer/contracts/agentic";
import {
  ApplyResponse_Action as Action,
  ApiResourceCommandController,
  ApiResourceQueryController,
  type ApplyResponse,
} from "@stigmer/contracts/commons";
import { afterAll, beforeAll, expect, it } from "vitest";
import { refused } from "./refused.fake.ts";
import { createAgent } from "./resources.fake.ts";
import { startTestDaemon, type TestDaemon } from "./test-daemon.fake.ts";

let daemon: TestDaemon;

beforeAll(async () => {
  daemon = await startTestDaemon();
});
afterAll(() => daemon[Symbol.asyncDispose]());

it("creates what is not there, updates what differs and leaves what is the same", async () => {
  const first = { metadata: { name: "a" }, spec: { instructions: "one" } };
  const second = { metadata: { name: "a", labels: { x: "y" } }, spec: { instructions: "two" } };

  const answers = [await apply(first), await apply(first), await apply(second), await apply(second)];

  expect(answers.map(({ action }) => action)).toEqual([
    Action.CREATED,
    Action.UNCHANGED,
    Action.UPDATED,
    Action.UNCHANGED,
  ]);
  const [created, unchanged, updated] = answers.map(agentIn);
  expect(unchanged).toEqual(created);
  expect(updated?.metadata).toMatchObject({ labels: { x: "y" }, generation: 2n, id: created?.metadata?.id });
  expect(await daemon.client.service(AgentQueryController).getByReference({ name: "a" })).toEqual(updated);
});

it("changes nothing when what was read is applied", async () => {
  const stored = await createAgent(daemon.client, { name: "read" });

  const answer = await daemon.client
    .service(ApiResourceCommandController)
    .apply({ resource: anyPack(AgentSchema, stored) });

  expect(answer.action).toBe(Action.UNCHANGED);
});

it("does not take what only the backend sets", async () => {
  const answer = await apply({
    metadata: { name: "forged", id: "forged", generation: 7n },
    spec: { instructions: "help" },
    status: { revision: "forged" },
  });

  const agent = agentIn(answer);
  expect(agent?.metadata?.generation).toBe(1n);
  expect(agent?.metadata?.id).toMatch(/^agt_/);
  expect(agent?.status?.revision).toMatch(/^sha256:/);
});

it.each([
  ["of a type that is no kind", { typeUrl: "type.googleapis.com/no.such.Kind" }, "KIND_UNKNOWN"],
  ["of a message that is no kind", { typeUrl: `type.googleapis.com/${AnySchema.typeName}` }, "KIND_UNKNOWN"],
  ["without a type", { typeUrl: "" }, "KIND_UNKNOWN"],
  [
    "of a kind that is started",
    anyPack(AgentExecutionSchema, create(AgentExecutionSchema, { metadata: { name: "a" } })),
    "KIND_UNKNOWN",
  ],
  [
    "of a kind that the system makes",
    anyPack(ApprovalSchema, create(ApprovalSchema, { metadata: { name: "a" } })),
    "KIND_UNKNOWN",
  ],
  [
    "whose bytes are malformed",
    { typeUrl: `type.googleapis.com/${AgentSchema.typeName}`, value: new Uint8Array([0x0a, 0xff]) },
    "INVALID_REQUEST",
  ],
  [
    "whose text is not UTF-8",
    { typeUrl: `type.googleapis.com/${AgentSchema.typeName}`, value: new Uint8Array([0x0a, 0x01, 0xff]) },
    "INVALID_REQUEST",
  ],
  [
    "that breaks a rule",
    anyPack(AgentSchema, create(AgentSchema, { metadata: { name: "A" }, spec: { instructions: "x" } })),
    "INVALID_REQUEST",
  ],
  [
    "without a name",
    anyPack(AgentSchema, create(AgentSchema, { metadata: {}, spec: { instructions: "x" } })),
    "INVALID_REQUEST",
  ],
] as const)("refuses a resource %s", async (_, resource: MessageInitShape<typeof AnySchema>, reason) => {
  const fault = await refused(
    daemon.client.service(ApiResourceCommandController).apply({ resource: create(AnySchema, resource) }),
  );

  expect(fault).toMatchObject({ kind: "invalid", reason });
});

it("refuses a request without a resource", async () => {
  const fault = await refused(daemon.client.service(ApiResourceCommandController).apply({}));

  expect(fault).toMatchObject({ reason: "INVALID_REQUEST", violations: [{ field: "resource" }] });
});

it("takes a resource as JSON", async () => {
  const resource = {
    "@type": `type.googleapis.com/${AgentSchema.typeName}`,
    metadata: { name: "as-json" },
    spec: { instructions: "help" },
  };

  const response = await fetch(`${daemon.url}/${ApiResourceCommandController.typeName}/apply`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ resource }),
  });

  expect(await response.json()).toMatchObject({ action: "ACTION_CREATED", resource: { metadata: { org: "local" } } });
});

it("applies the same resource at the same time to one effect each", async () => {
  const answers = await Promise.all(
    Array.from({ length: 20 }, () => apply({ metadata: { name: "at-once" }, spec: { instructions: "help" } })),
  );

  const actions = answers.map(({ action }) => action);
  expect(actions.filter((action) => action === Action.CREATED)).toHaveLength(1);
  expect(actions.filter((action) => action === Action.UNCHANGED)).toHaveLength(19);
});

it("lists the kinds that are served", async () => {
  const { kinds } = await daemon.client.service(ApiResourceQueryController).listKinds({});

  expect(kinds.map(({ kind }) => kind)).toEqual([
    "Agent",
    "AgentExecution",
    "Approval",
    "Environment",
    "McpServer",
    "Runner",
    "Session",
    "Skill",
  ]);
  expect(kinds[0]).toMatchObject({ apiVersion: "agentic.stigmer.ai/v1", messageType: AgentSchema.typeName });
});

async function apply(resource: Parameters<typeof create<typeof AgentSchema>>[1]): Promise<ApplyResponse> {
  return await daemon.client
    .service(ApiResourceCommandController)
    .apply({ resource: anyPack(AgentSchema, create(AgentSchema, resource)) });
}

function agentIn({ resource }: ApplyResponse): Agent | undefined {
  return resource && anyUnpack(resource, AgentSchema);
}
