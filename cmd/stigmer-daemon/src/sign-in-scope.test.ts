import {
  McpServerCommandController,
  McpServerQueryController,
  ExecutionPhase as Phase,
} from "@stigmer/contracts/agentic";
import { Failure } from "@stigmer/sdk";
import { type SignInStandin, signInStandin } from "@stigmer/standins";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { decide } from "./commands.fake.ts";
import { eventsOf, untilEnd, untilPhase, valuesOf } from "./journal.fake.ts";
import { startKitRunner, type TestToolHost } from "./kit-runner.fake.ts";
import { refused } from "./refused.fake.ts";
import { createAgent, execute, idOf } from "./resources.fake.ts";
import { createWeb, guarded, signInTo } from "./sign-in.fake.ts";
import { LEVEL, startTestDaemon, type TestDaemon } from "./test-daemon.fake.ts";

const COMMAND = "stigmer mcp login web --scope read --scope files:write";

let daemon: TestDaemon;
let standin: SignInStandin;
let id: string;

beforeEach(async () => {
  daemon = await startTestDaemon();
  standin = await signInStandin();
  id = await createWeb(daemon, standin);
});
afterEach(async () => {
  expect(daemon.log.filter(({ level }) => level >= LEVEL.error)).toEqual([]);
  await standin[Symbol.asyncDispose]();
  await daemon[Symbol.asyncDispose]();
});

const commands = () => daemon.client.service(McpServerCommandController);
const signIn = async () => (await daemon.client.service(McpServerQueryController).get({ id })).status?.signIn;

/** A host whose server wants scopes that nobody has granted: to be started, or for calls. */
function wanting(missingScopes: readonly string[], when: "start" | "call"): TestToolHost {
  return guarded(async (_, tool) => {
    if ((when === "call") !== (tool !== "")) return;
    throw new Failure("SIGN_IN_SCOPE_MISSING", "asks for more", { missingScopes, notStarted: true });
  });
}

describe("a server that asks for scopes beyond those of the sign-in", () => {
  it("is listed by nobody who lacks them; the command that gets them is told, with those that were granted", async () => {
    await using _ = startKitRunner(daemon, { tools: wanting(["files:write"], "start") });
    await signInTo(daemon, standin, { id });

    const { reason, message } = await refused(commands().listTools({ id }));

    expect([reason, message]).toEqual(["SIGN_IN_SCOPE_MISSING", expect.stringContaining(COMMAND)]);
  });

  it("neither has the token renewed, nor the sign-in forgotten", async () => {
    await standin[Symbol.asyncDispose]();
    standin = await signInStandin({ tokens: { refresh_token: undefined } });
    await commands().delete({ id });
    await commands().purge({ id });
    id = await createWeb(daemon, standin);
    await using _ = startKitRunner(daemon, { tools: wanting(["files:write"], "start") });
    await signInTo(daemon, standin, { id });

    await refused(commands().listTools({ id }));

    expect(standin.tokenRequests).toHaveLength(1);
    expect((await signIn())?.scopes).toEqual(["read"]);
  });

  it("tells it to a person who calls a tool", async () => {
    const host = wanting(["files:write"], "call");
    await using _ = startKitRunner(daemon, { tools: host });
    await signInTo(daemon, standin, { id });
    const tool = host.listing[0]?.tool ?? "";

    const { reason, message } = await refused(commands().callTool({ id, tool }));

    expect([reason, message, host.calls]).toEqual(["SIGN_IN_SCOPE_MISSING", expect.stringContaining(COMMAND), []]);
  });

  it("tells it to the model in a call, and the execution goes on", async () => {
    const host = wanting(["files:write"], "call");
    await using _ = startKitRunner(daemon, { tools: host });
    await createAgent(daemon.client, { servers: ["web"] });
    await signInTo(daemon, standin, { id });
    const script = daemon.script([{ toolCalls: [{ name: "web__act", arguments: {} }] }, { text: "ok" }]);
    const execution = idOf(await execute(daemon.client, { model: script }));
    const { status } = await untilPhase(daemon.client, execution, Phase.WAITING_FOR_APPROVAL);

    await decide(daemon.client, status?.approvalId ?? "");
    const ended = await untilEnd(daemon.client, execution);

    const results = valuesOf(await eventsOf(daemon.client, execution), "toolCallFinished");
    expect(ended.status?.phase).toBe(Phase.SUCCEEDED);
    expect(results.map(({ result }) => result?.content)).toEqual([expect.stringContaining(COMMAND)]);
    expect(standin.tokenRequests).toHaveLength(1);
  });

  it("is told nothing of what was granted at another URL, which the server has by now", async () => {
    await using other = await signInStandin({ tokens: { scope: "of:another" } });
    await using _ = startKitRunner(daemon, { tools: wanting(["files:write"], "call") });
    await createAgent(daemon.client, { servers: ["web"] });
    const { metadata } = await signInTo(daemon, standin, { id });
    const script = daemon.script([{ toolCalls: [{ name: "web__act", arguments: {} }] }, { text: "ok" }]);
    const execution = idOf(await execute(daemon.client, { model: script }));
    const { status } = await untilPhase(daemon.client, execution, Phase.WAITING_FOR_APPROVAL);
    const transport = { case: "http" as const, value: { url: other.serverUrl } };
    const resourceVersion = metadata?.resourceVersion ?? "";
    await commands().update({ metadata: { name: "web", resourceVersion }, spec: { transport } });
    await signInTo(daemon, other, { id });

    await decide(daemon.client, status?.approvalId ?? "");
    await untilEnd(daemon.client, execution);

    const [said] = valuesOf(await eventsOf(daemon.client, execution), "toolCallFinished");
    expect(said?.result?.content).toContain("stigmer mcp login web --scope files:write");
    expect((await signIn())?.scopes).toEqual(["of:another"]);
  });

  it("fails an execution that can't list its tools, with the command", async () => {
    await using _ = startKitRunner(daemon, { tools: wanting(["files:write"], "start") });
    await createAgent(daemon.client, { servers: ["web"] });
    await signInTo(daemon, standin, { id });

    const execution = await execute(daemon.client, { model: daemon.script([{ text: "ok" }]) });
    const { status } = await untilEnd(daemon.client, idOf(execution));

    expect(status).toMatchObject({
      phase: Phase.FAILED,
      error: { reason: "SIGN_IN_SCOPE_MISSING", message: expect.stringContaining(COMMAND) },
    });
  });

  it.each([
    ["no scope", [], "stigmer mcp login web --scope <scope>"],
    [
      "what a shell would run",
      ["a;reboot", "b'c", "$(d)"],
      String.raw`--scope 'a;reboot' --scope 'b'\''c' --scope '$(d)'`,
    ],
    ["more than a login may ask for", Array.from({ length: 64 }, (_, at) => `s${at}`), "--scope <scope>"],
    ["more than an error may say", Array.from({ length: 30 }, (_, at) => `${at}`.padStart(64, "s")), "--scope <scope>"],
  ])("may name %s", async (_, missing, words) => {
    await using _runner = startKitRunner(daemon, { tools: wanting(missing, "start") });
    await signInTo(daemon, standin, { id });

    const { message } = await refused(commands().listTools({ id }));

    expect(message).toContain(words);
    expect(message?.length).toBeLessThan(2_000);
  });
});

describe("a sign-in for scopes", () => {
  it("asks for those alone, whatever the spec names", async () => {
    const { authorizationUrl, scopes } = await commands().login({
      ...{ id, redirectUri: "http://127.0.0.1:7777/back", scopes: ["read", "files:write"] },
    });

    expect(scopes).toEqual(["read", "files:write"]);
    expect(new URL(authorizationUrl).searchParams.get("scope")).toBe("read files:write");
  });

  it.each([
    ["two words", "read write"],
    ["a quotation mark", 'a"b'],
    ["nothing", ""],
  ])("refuses a scope of %s", async (_, scope) => {
    const { reason } = await refused(
      commands().login({ id, redirectUri: "http://127.0.0.1:7777/back", scopes: [scope] }),
    );

    expect([reason, standin.paths]).toEqual(["INVALID_REQUEST", []]);
  });
});
