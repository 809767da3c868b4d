import {
  AgentExecutionQueryController,
  ExecutionQueryController,
  McpServerCommandController,
  type McpServerLogLine,
  McpServerQueryController,
  ExecutionPhase as Phase,
} from "@stigmer/contracts/agentic";
import type { ToolAttachment } from "@stigmer/sdk";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { allOf } from "./all-of.fake.ts";
import { decide } from "./commands.fake.ts";
import { eventsOf, untilEnd, untilPhase, valuesOf } from "./journal.fake.ts";
import { createToolHost, startKitRunner, type TestToolHost } from "./kit-runner.fake.ts";
import { refused } from "./refused.fake.ts";
import { createAgent, createServer, execute, idOf } from "./resources.fake.ts";
import { LEVEL, startTestDaemon, type TestDaemon } from "./test-daemon.fake.ts";

const SCHEMA = JSON.stringify({ type: "object", properties: { path: { type: "string" } }, required: ["path"] });
const CALL = [{ toolCalls: [{ name: "files__act", arguments: {} }] }, { text: "ok" }];

let daemon: TestDaemon;
let id: string;

beforeEach(async () => {
  daemon = await startTestDaemon();
  id = idOf(await createServer(daemon.client, "files"));
  await createAgent(daemon.client, { servers: ["files"] });
});
afterEach(async () => {
  expect(daemon.log.filter(({ level }) => level >= LEVEL.error)).toEqual([]);
  await daemon[Symbol.asyncDispose]();
});

const commands = () => daemon.client.service(McpServerCommandController);

function start(host: TestToolHost): AsyncDisposable {
  return startKitRunner(daemon, { tools: host });
}

async function approved(turns: readonly unknown[] = CALL): Promise<string> {
  const execution = idOf(await execute(daemon.client, { model: daemon.script(turns) }));
  const { status } = await untilPhase(daemon.client, execution, Phase.WAITING_FOR_APPROVAL);
  await decide(daemon.client, status?.approvalId ?? "");
  return execution;
}

describe("a person who lists a server's tools", () => {
  it("sees what each is, whether agents are offered it, and whether somebody accepted it", async () => {
    await using _ = start(createToolHost([{}, { tool: "other", annotations: '{"readOnlyHint":true}' }]));
    await untilEnd(daemon.client, await approved());

    const { tools } = await commands().listTools({ id });

    expect(tools).toMatchObject([
      { name: "act", description: "acts", inputSchema: '{"type":"object"}', offered: true, accepted: true },
      { name: "other", annotations: '{"readOnlyHint":true}', offered: true, accepted: false, changed: false },
    ]);
    expect(tools.map(({ digest }) => digest)).toEqual([
      expect.stringMatching(/^sha256:[0-9a-f]{64}$/),
      expect.stringMatching(/^sha256:[0-9a-f]{64}$/),
    ]);
  });

  it("sees none accepted where another program is started in the place of the one that was", async () => {
    await using _ = start(createToolHost([{}]));
    await untilEnd(daemon.client, await approved());
    const server = await daemon.client.service(McpServerQueryController).get({ id });
    const accepted = server.status?.acceptedTools.length;
    const { spec } = server;
    if (!spec) throw new Error("the server has no spec");
    spec.description = "the same program";
    const same = await commands().update(server);
    if (same.spec?.transport.case === "stdio") same.spec.transport.value.command = "another";
    const other = await commands().update(same);

    expect([accepted, same.status?.acceptedTools.length, other.status?.acceptedTools.length]).toEqual([1, 1, 0]);
  });

  it("reads them from the server, whatever is kept, and what is read is kept for executions", async () => {
    const host = createToolHost([{}]);
    await using _ = start(host);

    await commands().listTools({ id });
    await commands().listTools({ id });
    await untilEnd(daemon.client, idOf(await execute(daemon.client, { model: daemon.script([{ text: "ok" }]) })));

    expect(host.starts()).toBe(2);
  });

  it("is told where no runner hosts tools, where there is no such server, and why a server does not start", async () => {
    const host = createToolHost([{}]);
    const nobody = await refused(commands().listTools({ id }));
    await using _ = start({ ...host, start: () => Promise.reject(new Error("no such program")) });
    const noServer = await refused(commands().listTools({ id: "mcp_none" }));
    const noStart = await refused(commands().listTools({ id }));

    expect(nobody).toMatchObject({ kind: "unavailable", reason: "RUNNER_NOT_CONNECTED" });
    expect(noServer).toMatchObject({ reason: "RESOURCE_NOT_FOUND" });
    expect(noStart).toMatchObject({ reason: "TOOL_SERVER_FAILED" });
  });
});

it("runs so many servers for persons at once, and refuses more", async () => {
  const started = Promise.withResolvers<void>();
  let starts = 0;
  const hang = async () => {
    if (++starts === 16) started.resolve();
    return await new Promise<never>(() => {});
  };
  await using _ = start({ ...createToolHost([{}]), start: hang });
  const leave = new AbortController();
  const asking = Array.from({ length: 16 }, () => commands().listTools({ id }, { signal: leave.signal }));
  await started.promise;

  const more = await refused(commands().listTools({ id }));
  leave.abort();
  await Promise.allSettled(asking);

  expect(more).toMatchObject({ kind: "exhausted", reason: "LIMIT_REACHED" });
});

describe("a person who calls a tool", () => {
  it("gets its answer, with what it returns beside text; no execution is made, and nobody is asked", async () => {
    const host = createToolHost([{ inputSchema: SCHEMA }], () => ({ ...said("done"), attachments: [PICTURE] }));
    await using _ = start(host);

    const answer = await commands().callTool({ id, tool: "act", arguments: '{"path":"a"}' });

    expect(answer).toMatchObject({ content: "done", isError: false, files: [PICTURE] });
    expect(host.calls).toMatchObject([{ tool: "act", arguments: '{"path":"a"}' }]);
    expect((await daemon.client.service(AgentExecutionQueryController).list({})).items).toEqual([]);
  });

  it.each([
    ["arguments that do not fit", { tool: "act", arguments: "{}" }, "INVALID_REQUEST"],
    ["arguments that are no JSON", { tool: "act", arguments: "{nope" }, "INVALID_REQUEST"],
    ["a tool that there is none of", { tool: "other", arguments: "{}" }, "TOOL_NOT_FOUND"],
  ])("is refused with %s, and nothing is called", async (_, of, reason) => {
    const host = createToolHost([{ inputSchema: SCHEMA }]);
    await using _runner = start(host);

    const fault = await refused(commands().callTool({ id, ...of }));

    expect(fault).toMatchObject({ reason });
    expect(host.calls).toEqual([]);
  });

  it("twice with one idempotency key calls once", async () => {
    const host = createToolHost([{}]);
    await using _ = start(host);
    const call = () => commands().callTool({ id, tool: "act" }, { headers: { "idempotency-key": "k" } });

    const both = await Promise.all([call(), call()]);
    const again = await call();

    expect([...both, again].map(({ content }) => content)).toEqual(["done", "done", "done"]);
    expect(host.calls).toHaveLength(1);
  });

  it("does not call again with the same key what was begun before, and whose answer was lost", async () => {
    const begun = Promise.withResolvers<void>();
    const host = createToolHost([{}], async () => {
      begun.resolve();
      return await new Promise(() => {});
    });
    await using _ = start(host);
    const call = () => commands().callTool({ id, tool: "act" }, { headers: { "idempotency-key": "k" } });
    const lost = refused(call());
    await begun.promise;

    await daemon.stop();
    await daemon.start();
    await lost;
    const again = await refused(call());

    expect(again).toMatchObject({
      reason: "TOOL_SERVER_FAILED",
      message: expect.stringContaining("may have had its effect"),
    });
    expect(host.calls).toHaveLength(1);
  });

  it("is asked nothing by the server: it is told that nobody answers", async () => {
    const host = createToolHost([{}], async (_, __, { elicit }) => {
      const { action } = await elicit({ kind: "url", message: "sign", url: "https://example.org" });
      return said(action);
    });
    await using _ = start(host);

    expect((await commands().callTool({ id, tool: "act" })).content).toBe("cancel");
  });
});

describe("a server's log", () => {
  it("is kept with time and session, the newest lines of it, and read to its end", async () => {
    const host = createToolHost([{}], () => said("done"));
    await using _ = start(host);
    await commands().listTools({ id }); // the runner is connected
    for (let line = 1; line <= 1_100; line++) host.news().logged({ sessionId: "ses_1", name: "files" }, `line ${line}`);
    await commands().listTools({ id }); // what was said before has come

    const all = await logOf({});
    const newest = await logOf({ tail: 2 });

    expect(all).toHaveLength(1_000);
    expect(all[0]).toMatchObject({
      line: "line 101",
      sessionId: "ses_1",
      lost: 0n,
      time: { nanos: expect.any(Number) },
    });
    expect(newest.map(({ line }) => line)).toEqual(["line 1099", "line 1100"]);
  });

  it("is followed until the reader goes", async () => {
    const host = createToolHost([{}]);
    await using _ = start(host);
    await commands().listTools({ id });
    const gone = new AbortController();
    const lines: string[] = [];
    const said = Promise.withResolvers<void>();
    const reading = (async () => {
      const stream = daemon.client
        .service(McpServerQueryController)
        .logs({ id, follow: true }, { signal: gone.signal });
      for await (const { line } of stream) if (lines.push(line) === 2) said.resolve();
    })().catch(() => "gone");

    host.news().logged({ sessionId: "ses_1", name: "files" }, "one");
    host.news().logged({ sessionId: "ses_1", name: "other" }, "of another server");
    host.news().logged({ sessionId: "ses_1", name: "files" }, "two");
    await said.promise;
    gone.abort();

    expect(await reading).toBe("gone");
    expect(lines).toEqual(["one", "two"]);
  });

  async function logOf(of: { readonly tail?: number }): Promise<McpServerLogLine[]> {
    return await allOf(daemon.client.service(McpServerQueryController).logs({ id, ...of }));
  }
});

describe("a call of a tool", () => {
  it("says how far it is to those who follow the execution; nothing of it is stored", async () => {
    const followed = Promise.withResolvers<void>();
    const host = createToolHost([{}], async (_, __, { progress }) => {
      await followed.promise;
      progress({ progress: 3, total: 10, message: "three of ten" });
      return said("done");
    });
    await using _ = start(host);
    const execution = await approved();

    const seen: unknown[] = [];
    for await (const { message } of daemon.client
      .service(ExecutionQueryController)
      .subscribe({ executionId: execution })) {
      if (message.case === "entry" && message.value.sequence >= 14n) followed.resolve();
      if (message.case === "toolProgress") seen.push(message.value);
    }

    expect(seen).toMatchObject([
      { stepKey: "turn/1/tool/call_0_0", attempt: 1, progress: 3, total: 10, message: "three of ten" },
    ]);
  });

  it("returns images and files to the model, the journal and the execution's status", async () => {
    const host = createToolHost([{}], () => ({ ...said("see"), attachments: [PICTURE] }));
    await using _ = start(host);

    const execution = await approved();
    const { status } = await untilEnd(daemon.client, execution);

    const [finished] = valuesOf(await eventsOf(daemon.client, execution), "toolCallFinished");
    expect(finished?.result).toMatchObject({ content: "see", attachments: [PICTURE] });
    expect(status?.artifacts).toMatchObject([PICTURE]);
  });
});

const PICTURE: ToolAttachment = {
  ...{ name: "a.png", mediaType: "image/png", size: 7n },
  digest: `sha256:${"0".repeat(64)}`,
};

function said(content: string) {
  return { content, isError: false };
}
