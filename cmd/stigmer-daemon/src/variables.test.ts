import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { create } from "@bufbuild/protobuf";
import {
  AgentExecutionCommandController,
  EnvironmentCommandController,
  EnvironmentQueryController,
  EnvironmentSpecSchema,
  McpServerCommandController,
  ExecutionPhase as Phase,
  SessionCommandController,
} from "@stigmer/contracts/agentic";
import type { AgentContext, ToolServer } from "@stigmer/sdk";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { eventsOf, untilEnd, valuesOf } from "./journal.fake.ts";
import { createToolHost, startKitRunner } from "./kit-runner.fake.ts";
import { refused } from "./refused.fake.ts";
import { createAgent, idOf } from "./resources.fake.ts";
import { startTestDaemon, type TestDaemon } from "./test-daemon.fake.ts";

let daemon: TestDaemon;
/** What loops and servers have received, newest last. */
let received: { loop: Readonly<Record<string, string>>[]; server: ToolServer[] };

beforeEach(async () => {
  daemon = await startTestDaemon();
  received = { loop: [], server: [] };
});
afterEach(() => daemon[Symbol.asyncDispose]());

type Secrets = Readonly<Record<string, string>>;

async function environment(name: string, variables: Secrets, secrets: Secrets = {}): Promise<void> {
  const list = Object.entries(secrets).map(([key, value]) => ({ name: key, value }));
  const spec = { variables, secrets: list };
  await daemon.client.service(EnvironmentCommandController).create({ metadata: { name }, spec });
}

async function server(name: string, variables: readonly object[]): Promise<void> {
  const transport = { case: "stdio" as const, value: { command: "unused" } };
  await daemon.client
    .service(McpServerCommandController)
    .create({ metadata: { name }, spec: { transport, variables: [...variables] } });
}

type Start = Parameters<ReturnType<typeof commands>["create"]>[0]["spec"];
const commands = () => daemon.client.service(AgentExecutionCommandController);
const execute = (spec: Start = {}) =>
  commands().create({ metadata: {}, spec: { agent: "helper", message: "hello", ...spec } });

function runner(loop: (context: AgentContext) => Promise<string> = async () => "done") {
  const host = createToolHost([]);
  return startKitRunner(daemon, {
    agent: async (context) => {
      received.loop.push(context.variables);
      await context.listTools();
      return await loop(context);
    },
    tools: {
      ...host,
      async start(one) {
        received.server.push(one);
        return await host.start(one);
      },
    },
  });
}

describe("a declarer", () => {
  it("receives the names that it declares and no others", async () => {
    await environment("e", { LEVEL: "info", OTHER: "no" }, { TOKEN: "token-of-the-server", KEY: "key-of-the-agent" });
    await server("files", [{ name: "TOKEN" }, { name: "LEVEL" }]);
    const spec = { environments: ["e"], variables: [{ name: "KEY" }, { name: "MISSING", optional: true }] };
    await createAgent(daemon.client, { model: daemon.script([]), servers: ["files"], spec });
    await using _ = runner();

    await untilEnd(daemon.client, idOf(await execute()));

    expect(received.loop).toEqual([{ KEY: "key-of-the-agent" }]);
    expect(received.server.map(({ variables }) => variables)).toEqual([
      { TOKEN: "token-of-the-server", LEVEL: "info" },
    ]);
    expect(received.server[0]?.secretNames).toEqual(["TOKEN"]);
  });

  it("receives the execution's own values first, then the session's, then the agent's, the last one named first", async () => {
    const names = ["OWN", "SESSION", "LATE", "EARLY", "DEFAULT"];
    const all = (value: string, count: number) =>
      Object.fromEntries(names.slice(0, count).map((name) => [name, value]));
    await environment("agent-1", all("agent-1", 4));
    await environment("agent-2", all("agent-2", 3));
    await environment("session-1", all("session-1", 2));
    const variables = names.map((name) => ({ name, defaultValue: "default" }));
    const spec = { environments: ["agent-1", "agent-2"], variables };
    await createAgent(daemon.client, { model: daemon.script([]), spec });
    await using _ = runner();

    const made = await execute({ environments: ["session-1"], values: [{ name: "OWN", value: "own" }] });
    await untilEnd(daemon.client, idOf(made));

    expect(received.loop).toEqual([
      { OWN: "own", SESSION: "session-1", LATE: "agent-2", EARLY: "agent-1", DEFAULT: "default" },
    ]);
    const [created] = valuesOf(await eventsOf(daemon.client, idOf(made)), "created");
    expect(created?.environments).toEqual(["session-1", "agent-2", "agent-1"]);
  });

  it("receives a value as it is when it is used", async () => {
    await environment("e", {}, { KEY: "the first value" });
    await createAgent(daemon.client, {
      model: daemon.script([]),
      spec: { environments: ["e"], variables: [{ name: "KEY" }] },
    });
    const made = await execute();
    const found = await daemon.client.service(EnvironmentQueryController).getByReference({ name: "e" });
    const spec = create(EnvironmentSpecSchema, { secrets: [{ name: "KEY", value: "the second value" }] });
    await daemon.client.service(EnvironmentCommandController).update({ ...found, spec });

    await using _ = runner();
    await untilEnd(daemon.client, idOf(made));

    expect(received.loop).toEqual([{ KEY: "the second value" }]);
  });

  it("of a session's executions receives what the session's environments say", async () => {
    await environment("e", { KEY: "of the session" });
    await createAgent(daemon.client, { model: daemon.script([]), spec: { variables: [{ name: "KEY" }] } });
    const session = await daemon.client
      .service(SessionCommandController)
      .create({ metadata: { name: "s" }, spec: { agent: "helper", environments: ["e"] } });
    await using _ = runner();

    await untilEnd(daemon.client, idOf(await execute({ agent: "", sessionId: idOf(session) })));

    expect(received.loop).toEqual([{ KEY: "of the session" }]);
  });
});

describe("a start", () => {
  it.each(["agent", "server"])(
    "is refused before anything runs where the %s needs a name that has no value",
    async (who) => {
      await environment("e", {});
      const variables = [{ name: "TOKEN" }];
      await server("files", who === "server" ? variables : []);
      const spec = { environments: ["e"], ...(who === "agent" && { variables }) };
      await createAgent(daemon.client, { model: daemon.script([]), servers: ["files"], spec });

      const refusal = await refused(execute());

      expect(refusal).toMatchObject({ kind: "precondition", reason: "VARIABLE_MISSING" });
      expect(refusal.facts).toMatchObject({
        variable: "TOKEN",
        declarer: who === "agent" ? 'agent "helper"' : 'MCP server "files"',
      });
      expect(refusal.message).toContain("stigmer env set-secret e TOKEN");
    },
  );

  it("is refused where a secret can't be opened", async () => {
    await environment("e", {}, { KEY: "the first value" });
    await createAgent(daemon.client, {
      model: daemon.script([]),
      spec: { environments: ["e"], variables: [{ name: "KEY" }] },
    });
    await daemon.stop();
    for (const file of readdirSync(join(daemon.home, "keys"))) rmSync(join(daemon.home, "keys", file));
    await daemon.start();

    expect((await refused(execute())).reason).toBe("SEALING_KEY_MISSING");
  });
});

describe("an execution whose value is gone when it is to run", () => {
  it("fails and says what is missing", async () => {
    await environment("e", { KEY: "x" });
    await createAgent(daemon.client, {
      model: daemon.script([]),
      spec: { environments: ["e"], variables: [{ name: "KEY" }] },
    });
    const made = await execute();
    const found = await daemon.client.service(EnvironmentQueryController).getByReference({ name: "e" });
    await daemon.client.service(EnvironmentCommandController).update({ ...found, spec: create(EnvironmentSpecSchema) });

    await using _ = runner();
    const { status } = await untilEnd(daemon.client, idOf(made));

    expect(status).toMatchObject({ phase: Phase.FAILED, error: { reason: "VARIABLE_MISSING" } });
    expect(received.loop).toEqual([]);
  });
});

describe("a secret for one execution alone", () => {
  it("is received, and returned by nothing", async () => {
    await createAgent(daemon.client, { model: daemon.script([]), spec: { variables: [{ name: "KEY" }] } });
    await using _ = runner();

    const made = await execute({ values: [{ name: "KEY", secretValue: "secret-for-once" }] });
    const ended = await untilEnd(daemon.client, idOf(made));

    expect(received.loop).toEqual([{ KEY: "secret-for-once" }]);
    expect(made.spec?.values).toMatchObject([{ name: "KEY", value: "", secretValue: "" }]);
    expect(ended.spec?.values).toMatchObject([{ name: "KEY", value: "", secretValue: "" }]);
  });

  it("goes to a fork by the same person with the same agent, and to its sub-agents", async () => {
    await createAgent(daemon.client, {
      name: "worker",
      model: daemon.script([]),
      spec: { variables: [{ name: "KEY" }] },
    });
    const spec = { subAgents: [{ agent: "worker" }], variables: [{ name: "KEY" }] };
    await createAgent(daemon.client, { model: daemon.script([]), spec });
    await using _ = runner(async (context) => {
      const [tool] = await context.listTools();
      if (tool)
        await context.callTool("t", {
          $typeName: "ai.stigmer.agentic.execution.v1.ToolCall",
          id: "c",
          name: tool.name,
          arguments: '{"message":"go"}',
        });
      return "done";
    });

    const made = await execute({ values: [{ name: "KEY", secretValue: "secret-for-once" }] });
    await untilEnd(daemon.client, idOf(made));
    const fork = await commands().fork({ id: idOf(made), sequence: 2n });
    await untilEnd(daemon.client, idOf(fork));

    const attempts = received.loop.filter(({ KEY }) => KEY === "secret-for-once");
    expect(attempts.length).toBeGreaterThanOrEqual(4);
    expect(attempts).toHaveLength(received.loop.length);
  });

  it("does not go to a fork with another agent", async () => {
    const spec = { variables: [{ name: "KEY" }] };
    await createAgent(daemon.client, { name: "other", model: daemon.script([]), spec });
    await createAgent(daemon.client, { model: daemon.script([]), spec });
    await using _ = runner();
    const made = await execute({ values: [{ name: "KEY", secretValue: "secret-for-once" }] });
    await untilEnd(daemon.client, idOf(made));

    const refusal = await refused(commands().fork({ id: idOf(made), sequence: 2n, agent: "other" }));

    expect(refusal).toMatchObject({ reason: "VARIABLE_MISSING" });
  });

  it.each([
    ["both a value and a secret", { name: "KEY", value: "x", secretValue: "secret-for-once" }],
    ["fewer than 8 bytes", { name: "KEY", secretValue: "short77" }],
  ])("is refused with %s", async (_, value) => {
    await createAgent(daemon.client, { model: daemon.script([]) });

    const refusal = await refused(execute({ values: [value] }));

    expect(refusal.kind).toBe("invalid");
    expect(refusal.message).not.toContain(value.secretValue);
  });
});
