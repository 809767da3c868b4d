import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { anyPack, anyUnpack } from "@bufbuild/protobuf/wkt";
import {
  type Agent,
  AgentCommandController,
  AgentQueryController,
  AgentSchema,
  McpServerSchema,
} from "@stigmer/contracts/agentic";
import {
  ApplyResponse_Action as Action,
  ApiResourceCommandController,
  ApiResourceQueryController,
  type ApplyResponse,
} from "@stigmer/contracts/commons";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { refused } from "./refused.fake.ts";
import { createServer } from "./resources.fake.ts";
import { startTestDaemon, type TestDaemon } from "./test-daemon.fake.ts";

type Spec = MessageInitShape<typeof AgentSchema>["spec"];
type Options = { readonly force?: boolean; readonly dryRun?: boolean };

let daemon: TestDaemon;
let count = 0;

beforeAll(async () => {
  daemon = await startTestDaemon();
  for (const name of ["files", "mail"]) await createServer(daemon.client, name);
});
afterAll(() => daemon[Symbol.asyncDispose]());

const as = (manager: string) => ({ headers: { "field-manager": manager } });

/** Applies to one agent under different managers. */
function agentToApply() {
  const name = `agent-${++count}`;
  const packed = (spec: Spec, metadata: object = {}) =>
    anyPack(AgentSchema, create(AgentSchema, { metadata: { name, ...metadata }, spec }));
  return {
    name,
    packed,
    apply: (manager: string, spec: Spec, options: Options & { readonly metadata?: object } = {}) => {
      const { metadata = {}, ...rest } = options;
      const request = { resource: packed(spec, metadata), ...rest };
      return daemon.client.service(ApiResourceCommandController).apply(request, as(manager));
    },
    diff: (manager: string, spec: Spec) =>
      daemon.client.service(ApiResourceQueryController).diff({ resource: packed(spec) }, as(manager)),
    read: () => daemon.client.service(AgentQueryController).getByReference({ name }),
  };
}

const agentIn = ({ resource }: ApplyResponse): Agent => {
  const agent = resource && anyUnpack(resource, AgentSchema);
  if (!agent) throw new Error("the answer has no agent");
  return agent;
};
const ownersIn = (agent: Agent) =>
  Object.fromEntries(agent.metadata?.fieldManagers.map(({ name, fields }) => [name, fields]) ?? []);

describe("apply", () => {
  it("gives each manager the fields that it sets, and leaves those of others", async () => {
    const { apply, read } = agentToApply();
    await apply("ops", { instructions: "help", model: "ollama/a" });

    await apply("dev", { instructions: "help", description: "Helps." }, { metadata: { labels: { team: "x" } } });

    const agent = await read();
    expect(agent.spec).toMatchObject({ instructions: "help", model: "ollama/a", description: "Helps." });
    expect(ownersIn(agent)).toEqual({
      dev: ['metadata.labels["team"]', "spec.description", "spec.instructions"],
      ops: ["spec.instructions", "spec.model"],
    });
  });

  it("is made by the caller where no manager is named", async () => {
    const { name, packed, read } = agentToApply();

    await daemon.client.service(ApiResourceCommandController).apply({ resource: packed({ instructions: "help" }) });

    expect(ownersIn(await read())).toEqual({ tester: ["spec.instructions"] });
    expect(name).toBe((await read()).metadata?.name);
  });

  it("removes what its manager alone owned and no longer sets, and keeps what others set as well", async () => {
    const { apply } = agentToApply();
    await apply("ops", { instructions: "help", description: "one", model: "ollama/a" });
    await apply("dev", { instructions: "help", model: "ollama/a" });

    const answer = await apply("ops", { instructions: "help" });

    expect(answer).toMatchObject({ action: Action.UPDATED, pruned: ["spec.description"] });
    expect(agentIn(answer).spec).toMatchObject({ description: "", model: "ollama/a" });
    expect(ownersIn(agentIn(answer))).toEqual({
      dev: ["spec.instructions", "spec.model"],
      ops: ["spec.instructions"],
    });
  });

  it("is refused where another manager has another value, naming all such fields, and changes nothing", async () => {
    const { apply, read } = agentToApply();
    await apply("ops", { instructions: "help", model: "ollama/a", description: "one" });
    const before = await read();

    const fault = await refused(apply("dev", { instructions: "other", model: "ollama/b", description: "one" }));

    expect(fault).toMatchObject({ kind: "conflict", reason: "FIELD_CONFLICT", facts: { manager: "ops" } });
    expect(fault.message).toContain("spec.instructions");
    expect(fault.message).toContain("spec.model");
    expect(await read()).toEqual(before);
  });

  it("takes fields over by force, and their owner then loses them", async () => {
    const { apply } = agentToApply();
    await apply("ops", { instructions: "help", model: "ollama/a" });

    const answer = await apply("dev", { instructions: "help", model: "ollama/b" }, { force: true });

    expect(agentIn(answer).spec?.model).toBe("ollama/b");
    expect(ownersIn(agentIn(answer))).toEqual({
      dev: ["spec.instructions", "spec.model"],
      ops: ["spec.instructions"],
    });
    const lost = await apply("ops", { instructions: "help" });
    expect(agentIn(lost).spec?.model).toBe("ollama/b");
  });

  it("merges a list by its key, item by item", async () => {
    const { apply, read } = agentToApply();
    await apply("ops", { instructions: "help", mcpServers: [{ name: "files", tools: ["read"] }] });

    await apply("dev", { instructions: "help", mcpServers: [{ name: "mail" }] });
    const conflict = await refused(
      apply("dev", { instructions: "help", mcpServers: [{ name: "mail" }, { name: "files", tools: ["write"] }] }),
    );
    const both = await read();
    await apply("ops", { instructions: "help" });

    expect(conflict.facts).toMatchObject({ path: 'spec.mcpServers[name="files"].tools', manager: "ops" });
    expect(both.spec?.mcpServers.map(({ name }) => name)).toEqual(["files", "mail"]);
    expect((await read()).spec?.mcpServers.map(({ name }) => name)).toEqual(["mail"]);
  });

  it("is a conflict where it would displace another manager's part of a oneof", async () => {
    const name = `server-${++count}`;
    const apply = (manager: string, transport: object, force = false) =>
      daemon.client.service(ApiResourceCommandController).apply(
        {
          resource: anyPack(
            McpServerSchema,
            create(McpServerSchema, { metadata: { name }, spec: { transport } as never }),
          ),
          force,
        },
        as(manager),
      );
    const http = { case: "http", value: { url: "http://127.0.0.1:1" } };
    await apply("ops", { case: "stdio", value: { command: "x" } });

    const fault = await refused(apply("dev", http));
    const forced = await apply("dev", http, true);

    expect(fault).toMatchObject({ reason: "FIELD_CONFLICT", facts: { path: "spec.stdio.command" } });
    const server = forced.resource && anyUnpack(forced.resource, McpServerSchema);
    expect(server?.spec?.transport.case).toBe("http");
    expect(server?.metadata?.fieldManagers.map((manager) => manager.name)).toEqual(["dev"]);
  });

  it("says what was filled in, what was ignored and what changed", async () => {
    const { apply } = agentToApply();

    const created = await apply("ops", { instructions: "help" }, { metadata: { id: "forged", generation: 9n } });
    const updated = await apply("ops", { instructions: "other", description: "new" });

    expect(created).toMatchObject({
      action: Action.CREATED,
      defaulted: ["spec.maxTurns"],
      ignored: ["metadata.generation", "metadata.id"],
    });
    const said = updated.diff.map(({ path, before, after }) => [path, before?.kind.value, after?.kind.value]);
    expect(said).toEqual([
      ["spec.description", undefined, "new"],
      ["spec.instructions", "help", "other"],
    ]);
  });

  it("changes nothing where it is repeated, or where what was read is applied", async () => {
    const { apply, read } = agentToApply();
    await apply("ops", { instructions: "help", mcpServers: [{ name: "files" }] }, { metadata: { labels: { a: "b" } } });
    const stored = await read();

    const again = await apply(
      "ops",
      { instructions: "help", mcpServers: [{ name: "files" }] },
      { metadata: { labels: { a: "b" } } },
    );
    const back = await daemon.client
      .service(ApiResourceCommandController)
      .apply({ resource: anyPack(AgentSchema, stored) }, as("ops"));

    expect([again.action, back.action]).toEqual([Action.UNCHANGED, Action.UNCHANGED]);
    expect(agentIn(again)).toEqual(stored);
    expect([again.diff, back.diff]).toEqual([[], []]);
    expect(agentIn(back).spec).toEqual(stored.spec);
  });

  it("is refused with a version that is over, and with a version where there is nothing", async () => {
    const { apply } = agentToApply();

    const absent = await refused(apply("ops", { instructions: "a" }, { metadata: { resourceVersion: "1" } }));
    await apply("ops", { instructions: "a" });
    const stale = await refused(apply("ops", { instructions: "b" }, { metadata: { resourceVersion: "1" } }));

    expect([absent.reason, stale.reason]).toEqual(["VERSION_MOVED", "VERSION_MOVED"]);
  });

  it("of what is deleted is refused", async () => {
    const { apply, read } = agentToApply();
    await apply("ops", { instructions: "a" });
    await daemon.client.service(AgentCommandController).delete({ id: (await read()).metadata?.id ?? "" });

    expect((await refused(apply("ops", { instructions: "a" }))).reason).toBe("RESOURCE_DELETED");
  });

  it.each(["", "x".repeat(129), "a\u00e9"])("refuses the manager %j", async (manager) => {
    const { apply } = agentToApply();

    const fault = await refused(apply(encodeURI(manager) === manager ? manager : "a\tb", { instructions: "a" }));

    expect(fault.violations).toMatchObject([{ field: "field-manager" }]);
  });
});

describe("a dry run", () => {
  it("says what would happen and stores nothing", async () => {
    const { apply, read, diff } = agentToApply();
    await apply("ops", { instructions: "help" });
    const before = await read();

    const dry = await apply("ops", { instructions: "other" }, { dryRun: true });
    const compared = await diff("ops", { instructions: "other" });

    expect(dry.diff.map(({ path }) => path)).toEqual(["spec.instructions"]);
    expect(compared.diff).toEqual(dry.diff);
    expect(dry.action).toBe(Action.UPDATED);
    expect(await read()).toEqual(before);
  });

  it("of something new stores nothing, and is refused for what the apply would be", async () => {
    const { apply, read } = agentToApply();

    const dry = await apply("ops", { instructions: "help" }, { dryRun: true });
    const fault = await refused(apply("ops", { instructions: "", model: "no" }, { dryRun: true }));

    expect(dry.action).toBe(Action.CREATED);
    expect(fault.reason).toBe("INVALID_REQUEST");
    expect((await refused(read())).reason).toBe("RESOURCE_NOT_FOUND");
  });
});

describe("another write", () => {
  it("takes what it changes from who owned it, and nothing else", async () => {
    const { apply, read } = agentToApply();
    await apply("ops", { instructions: "help", model: "ollama/a", description: "one" });
    const { metadata, spec } = await read();

    await daemon.client
      .service(AgentCommandController)
      .update({ metadata, spec: { ...spec, model: "ollama/b", description: "" } as never }, as("editor"));

    expect(ownersIn(await read())).toEqual({ editor: ["spec.model"], ops: ["spec.instructions"] });
  });
});
