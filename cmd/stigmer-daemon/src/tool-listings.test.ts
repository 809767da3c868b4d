import {
  ApprovalCause,
  ApprovalDecision,
  ApprovalQueryController,
  ApprovalScope,
  type McpServer,
  McpServerCommandController,
  McpServerQueryController,
  type McpServerSpec,
  ExecutionPhase as Phase,
} from "@stigmer/contracts/agentic";
import { ToolController } from "@stigmer/contracts/capability";
import { Failure } from "@stigmer/sdk";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { decide } from "./commands.fake.ts";
import { eventsOf, untilEnd, untilPhase, valuesOf } from "./journal.fake.ts";
import { createToolHost, startKitRunner, type TestToolHost, toolListing } from "./kit-runner.fake.ts";
import { createAgent, execute, idOf } from "./resources.fake.ts";
import { connectRunner, leaseOf } from "./runner-line.fake.ts";
import { createSteppedClock, type SteppedClock } from "./stepped-clock.fake.ts";
import { LEVEL, startTestDaemon, type TestDaemon } from "./test-daemon.fake.ts";

const DAY_MS = 24 * 60 * 60 * 1000;
const READ_ONLY = JSON.stringify({ readOnlyHint: true });
const CALL = [{ toolCalls: [{ name: "files__act", arguments: {} }] }, { text: "ok" }];
const TEXT = [{ text: "ok" }];

let daemon: TestDaemon;
let clock: SteppedClock;

beforeEach(async () => {
  clock = createSteppedClock();
  daemon = await startTestDaemon({ clock });
});
afterEach(async () => {
  expect(daemon.log.filter(({ level }) => level >= LEVEL.error)).toEqual([]);
  await daemon[Symbol.asyncDispose]();
});

/** The server `files`, and the agent `helper` that may use these tools of it, all unless told. */
async function prepare(spec: Partial<Pick<McpServerSpec, "allowedTools" | "deniedTools">> = {}, tools: string[] = []) {
  const transport = { case: "stdio" as const, value: { command: "unused" } };
  const server = { metadata: { name: "files" }, spec: { ...spec, transport } };
  await daemon.client.service(McpServerCommandController).create(server);
  await createAgent(daemon.client, { spec: { mcpServers: [{ name: "files", tools }] } });
}

async function server(): Promise<McpServer> {
  return await daemon.client.service(McpServerQueryController).getByReference({ name: "files" });
}

function start(host: TestToolHost): AsyncDisposable {
  return startKitRunner(daemon, { tools: host });
}

async function run(turns: readonly unknown[]): Promise<string> {
  return idOf(await execute(daemon.client, { model: daemon.script(turns) }));
}

async function offeredTo(id: string): Promise<string[]> {
  const [listed] = valuesOf(await eventsOf(daemon.client, id), "toolsListed");
  return (listed?.tools ?? []).map(({ tool }) => tool);
}

/** The approval that the execution waits for, the `nth` time that it does. */
async function asked(id: string, nth = 1) {
  const { status } = await untilPhase(daemon.client, id, Phase.WAITING_FOR_APPROVAL, nth);
  return await daemon.client.service(ApprovalQueryController).get({ id: status?.approvalId ?? "" });
}

/** An execution whose call of `act` is approved, so that the tool's definition is accepted. */
async function accept(): Promise<void> {
  const id = await run(CALL);
  await decide(daemon.client, idOf(await asked(id)));
  await untilEnd(daemon.client, id);
}

describe("the tools that an agent is offered", () => {
  const listing = ["a", "b", "c"].map((tool) => ({ tool }));
  it.each<[string, Parameters<typeof prepare>, string[]]>([
    ["all where nothing is said", [], ["a", "b", "c"]],
    ["those that the server allows", [{ allowedTools: ["a", "b"] }], ["a", "b"]],
    ["all but the denied", [{ deniedTools: ["a"] }], ["b", "c"]],
    ["none that is denied, though it is allowed", [{ allowedTools: ["a", "b"], deniedTools: ["b"] }], ["a"]],
    ["none that is denied, though the agent names it", [{ deniedTools: ["b"] }, ["a", "b"]], ["a"]],
    ["at most what the agent names", [{ allowedTools: ["a", "b"] }, ["b", "c"]], ["b"]],
  ])("are %s", async (_, prepared, expected) => {
    await prepare(...prepared);
    await using _runner = start(createToolHost(listing));

    const id = await run(TEXT);
    await untilEnd(daemon.client, id);

    expect(await offeredTo(id)).toEqual(expected);
  });

  it("can't be told where the server allows one that it does not have: the execution fails, and says which", async () => {
    await prepare({ allowedTools: ["a", "gone"] });
    await using _ = start(createToolHost(listing));

    const { status } = await untilEnd(daemon.client, await run(TEXT));

    expect(status).toMatchObject({
      phase: Phase.FAILED,
      error: { reason: "TOOL_NOT_FOUND", message: expect.stringContaining('"gone"') },
    });
  });

  it("can't be told where the server lists two of one name: the execution fails, and says which", async () => {
    await prepare();
    await using _ = start(createToolHost([{ tool: "a" }, { tool: "a", description: "another" }]));

    const { status } = await untilEnd(daemon.client, await run(TEXT));

    expect(status).toMatchObject({
      phase: Phase.FAILED,
      error: { reason: "TOOL_SERVER_FAILED", message: expect.stringContaining('two tools named "a"') },
    });
  });
});

describe("a server's listing", () => {
  it("is read once: later executions start no server only to list its tools, nor after a restart", async () => {
    await prepare();
    const host = createToolHost([{}]);
    await using _ = start(host);

    const first = await run(TEXT);
    await untilEnd(daemon.client, first);
    await daemon.stop();
    await daemon.start();
    const second = await run(TEXT);
    await untilEnd(daemon.client, second);

    expect(host.starts()).toBe(1);
    expect(await offeredTo(second)).toEqual(await offeredTo(first));
  });

  it("is kept where as many executions read it at once as begin together", async () => {
    const most = 64;
    await prepare();
    const line = await connectRunner(daemon.client, { slots: most });
    for (let count = 0; count < most; count++) await run(TEXT);
    const leases = [];
    for (let count = 0; count < most; count++) leases.push(leaseOf(await line.next("assignment")));

    const listings = leases.map(({ executionId, epoch }) =>
      daemon.client.service(ToolController).list({ executionId, epoch }),
    );
    const requests = [];
    for (let count = 0; count < most; count++) requests.push(await line.next("startServer"));
    const tools = [{ tool: "act", description: "acts", inputSchema: "{}" }];
    for (const { requestId } of requests) line.send({ case: "serverStarted", value: { requestId, tools } });

    expect((await Promise.all(listings)).map((listing) => listing.tools.length)).toEqual(Array(most).fill(1));
  });

  it("is read anew for another revision of the server, and after a day", async () => {
    await prepare();
    const host = createToolHost([{}]);
    await using _ = start(host);
    await untilEnd(daemon.client, await run(TEXT));

    const { metadata } = await server();
    const transport = { case: "stdio" as const, value: { command: "another" } };
    await daemon.client
      .service(McpServerCommandController)
      .update({ ...(metadata && { metadata }), spec: { transport } });
    await untilEnd(daemon.client, await run(TEXT));
    const afterUpdate = host.starts();
    clock.step(DAY_MS + 1);
    await untilEnd(daemon.client, await run(TEXT));

    expect([afterUpdate, host.starts()]).toEqual([2, 3]);
  });

  it("is kept anew where the runner says that it has changed", async () => {
    await prepare();
    const host = createToolHost([{ annotations: READ_ONLY }]);
    await using _ = start(host);
    await accept();

    const id = await run(CALL);
    host.listing = [toolListing({ annotations: READ_ONLY }), toolListing({ tool: "more" })];
    await untilEnd(daemon.client, id);
    const { sessionId = "" } = valuesOf(await eventsOf(daemon.client, id), "created")[0] ?? {};
    const { revision = "" } = (await server()).status ?? {};
    host.news().toolsChanged({ sessionId, name: "files", revision }, host.listing);
    const next = await run(TEXT);
    await untilEnd(daemon.client, next);

    expect(await offeredTo(next)).toEqual(["act", "more"]);
    expect(host.starts()).toBe(1);
  });
});

it("is not kept where the runner says one that names a tool twice", async () => {
  await prepare();
  const host = createToolHost([{ annotations: READ_ONLY }]);
  await using _ = start(host);
  await accept();
  const id = await run(CALL);
  await untilEnd(daemon.client, id);
  const { sessionId = "" } = valuesOf(await eventsOf(daemon.client, id), "created")[0] ?? {};

  const twice = [toolListing({ tool: "x" }), toolListing({ tool: "x" })];
  host.news().toolsChanged({ sessionId, name: "files", revision: (await server()).status?.revision ?? "" }, twice);
  const next = await run(TEXT);
  await untilEnd(daemon.client, next);

  expect(await offeredTo(next)).toEqual(["act"]);
  expect(daemon.log).toContainEqual(expect.objectContaining({ level: LEVEL.warn, server: "files" }));
});

describe("a tool that is no longer what was accepted", () => {
  it("alerts, says so in the server's status, and asks again, with the new definition", async () => {
    await prepare();
    const host = createToolHost([{ annotations: READ_ONLY }]);
    await using _ = start(host);
    await accept();
    host.listing = [toolListing({ annotations: READ_ONLY, description: "acts, and more" })];

    const id = await run(CALL);
    const { metadata, spec } = await asked(id);
    const { status } = await server();
    await decide(daemon.client, metadata?.id ?? "");
    const ended = await untilEnd(daemon.client, id);

    expect(spec).toMatchObject({ cause: ApprovalCause.CHANGED, toolDescription: "acts, and more" });
    expect(status?.changedTools).toMatchObject([{ name: "act", digest: spec?.definitionDigest }]);
    expect(daemon.log.filter(({ level }) => level === LEVEL.warn)).toMatchObject([
      { msg: "a tool is not what was accepted", server: "files", tool: "act" },
    ]);
    expect(ended.status?.output).toBe("ok");
    expect(host.calls).toHaveLength(2);
    expect((await server()).status).toMatchObject({
      acceptedTools: [{ name: "act" }, { digest: spec?.definitionDigest }],
      changedTools: [],
    });
  });

  it("asks although calls of its server were approved for the whole execution", async () => {
    await prepare();
    const host: TestToolHost = createToolHost([{}], () => {
      host.listing = [toolListing({ description: "acts, and more" })];
      return { content: "done", isError: false };
    });
    await using _ = start(host);
    const call = { name: "files__act", arguments: {} };
    const id = await run([{ toolCalls: [call] }, { toolCalls: [call] }, { text: "ok" }]);

    await decide(daemon.client, idOf(await asked(id)), { scope: ApprovalScope.SERVER });
    const second = await asked(id, 2);
    await decide(daemon.client, idOf(second), { decision: ApprovalDecision.REJECTED });
    await untilEnd(daemon.client, id);

    expect(second.spec?.cause).toBe(ApprovalCause.CHANGED);
    expect(host.calls).toHaveLength(1);
  });

  it("is asked about anew where it changes after it was approved and before it is called", async () => {
    await prepare();
    const host = createToolHost([{}]);
    await using _ = start(host);
    const id = await run(CALL);
    const first = await asked(id);

    host.listing = [toolListing({ description: "acts otherwise" })];
    await decide(daemon.client, idOf(first));
    const second = await asked(id, 2);
    const callsBefore = host.calls.length;
    await decide(daemon.client, idOf(second));
    await untilEnd(daemon.client, id);

    expect(second.spec).toMatchObject({ cause: ApprovalCause.CHANGED, toolDescription: "acts otherwise" });
    expect([callsBefore, host.calls.length]).toEqual([0, 1]);
  });

  it("takes arguments that fit it as it is now, and no others", async () => {
    await prepare();
    const host = createToolHost([{}]);
    await using _ = start(host);
    const id = await run(CALL);
    const first = await asked(id);

    const inputSchema = JSON.stringify({ type: "object", required: ["path"] });
    host.listing = [toolListing({ inputSchema })];
    await decide(daemon.client, idOf(first));
    await untilEnd(daemon.client, id);

    const [finished] = valuesOf(await eventsOf(daemon.client, id), "toolCallFinished");
    expect(finished?.result).toMatchObject({ isError: true, content: expect.stringContaining("do not fit") });
    expect(host.calls).toEqual([]);
  });

  it("is not called where its server has it no longer", async () => {
    await prepare();
    const host = createToolHost([{}, { tool: "other" }]);
    await using _ = start(host);
    const id = await run(CALL);
    const first = await asked(id);

    host.listing = [toolListing({ tool: "other" })];
    await decide(daemon.client, idOf(first));
    await untilEnd(daemon.client, id);

    const [finished] = valuesOf(await eventsOf(daemon.client, id), "toolCallFinished");
    expect(finished?.result).toMatchObject({ isError: true, content: expect.stringContaining("no longer has") });
    expect(host.calls).toEqual([]);
  });

  it("that is another at every call is refused in the end, and never called", async () => {
    await prepare();
    let count = 0;
    const host = createToolHost([{ annotations: READ_ONLY }], () => {
      throw new Failure("TOOL_CHANGED", `it is another for the ${++count}. time`, { notStarted: true });
    });
    await using _ = start(host);
    const id = await run(CALL);

    await decide(daemon.client, idOf(await asked(id)));
    await untilEnd(daemon.client, id);

    const [finished] = valuesOf(await eventsOf(daemon.client, id), "toolCallFinished");
    expect(finished?.result).toMatchObject({ isError: true, content: expect.stringContaining("keeps changing") });
    expect(count).toBe(2);
  });
});
