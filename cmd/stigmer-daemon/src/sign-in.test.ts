import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  EnvironmentCommandController,
  type McpServer,
  McpServerCommandController,
  McpServerQueryController,
  type OAuthSchema,
  ExecutionPhase as Phase,
} from "@stigmer/contracts/agentic";
import { type SignInStandin, type SignInStandinOptions, signInStandin } from "@stigmer/standins";
import type { Batch, Store } from "@stigmer/store";
import type { openLevelStore } from "@stigmer/store-leveldb";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { decide } from "./commands.fake.ts";
import { createIntruder, type Intruder } from "./intruder.fake.ts";
import { eventsOf, untilEnd, untilPhase, valuesOf } from "./journal.fake.ts";
import { startKitRunner } from "./kit-runner.fake.ts";
import { refused } from "./refused.fake.ts";
import { createAgent, execute, idOf, versionOf } from "./resources.fake.ts";
import { callback, hostOf } from "./sign-in.fake.ts";
import { createSteppedClock, type SteppedClock } from "./stepped-clock.fake.ts";
import { LEVEL, startTestDaemon, type TestDaemon } from "./test-daemon.fake.ts";

const REDIRECT = "http://127.0.0.1:7777/back";
const HOUR_MS = 3_600_000;

let daemon: TestDaemon;
let clock: SteppedClock;
let id: string;
let opened: Store | undefined;
let intruder: Intruder;

function store(): Store {
  if (!opened) throw new Error("no store is open");
  return opened;
}

beforeEach(async () => {
  clock = createSteppedClock();
  intruder = createIntruder();
  const openStore: typeof openLevelStore = async (options) => {
    opened = await intruder.openStore(options);
    return opened as Awaited<ReturnType<typeof openLevelStore>>;
  };
  daemon = await startTestDaemon({ clock, openStore });
});
afterEach(async () => {
  expect(daemon.log.filter(({ level }) => level >= LEVEL.error)).toEqual([]);
  await daemon[Symbol.asyncDispose]();
});

const commands = () => daemon.client.service(McpServerCommandController);
const server = () => daemon.client.service(McpServerQueryController).get({ id });

/** A stand-in, and the server `web` that stands for it. */
async function scene(options: SignInStandinOptions = {}, oauth: MessageInitShape<typeof OAuthSchema> = {}) {
  const standin = await signInStandin(options);
  const known = { ...oauth, ...(oauth.clientId && !oauth.issuer && { issuer: standin.issuer }) };
  const transport = { case: "http" as const, value: { url: standin.serverUrl, oauth: known } };
  id = idOf(await commands().create({ metadata: { name: "web" }, spec: { transport } }));
  return standin;
}

async function begun(environments: string[] = []) {
  return await commands().login({ id, redirectUri: REDIRECT, environments });
}

async function signIn(standin: SignInStandin, environments: string[] = []): Promise<McpServer> {
  const said = await standin.agree((await begun(environments)).authorizationUrl);
  return await commands().completeLogin({ id, ...callback(said) });
}

/** Everything that the daemon has written, and logged. */
function written(): string {
  const files = readdirSync(daemon.home, { recursive: true, withFileTypes: true }).filter((one) => one.isFile());
  const texts = files.map(({ parentPath, name }) => readFileSync(join(parentPath, name)).toString("latin1"));
  return [...texts, JSON.stringify(daemon.log)].join("\n");
}

describe("a person who signs in to a server", () => {
  it("lets its tools be used, also after a restart; the status says since when, for what and until when", async () => {
    await using standin = await scene();
    const host = hostOf(standin);
    await using _ = startKitRunner(daemon, { tools: host });

    const { status } = await signIn(standin);
    const first = await commands().listTools({ id });
    await daemon.stop();
    await daemon.start();
    const second = await commands().listTools({ id });

    expect(status?.signIn).toMatchObject({ url: standin.serverUrl, issuer: standin.issuer, scopes: ["read"] });
    expect(Number(status?.signIn?.expireTime?.seconds) - Number(status?.signIn?.signInTime?.seconds)).toBe(3600);
    expect([first, second].map(({ tools }) => tools.length)).toEqual([1, 1]);
    expect(host.tokens.every((token) => standin.accepts(token))).toBe(true);
  });

  it("leaves no token, code, verifier or secret in what is stored, logged or answered", async () => {
    const client = { id: "ours", secret: "client-secret-of-ours" };
    await using standin = await scene({ client }, { clientId: "ours", clientSecretVariable: "WEB_SECRET" });
    const secrets = [{ name: "WEB_SECRET", value: client.secret }];
    await daemon.client.service(EnvironmentCommandController).create({ metadata: { name: "dev" }, spec: { secrets } });
    const host = hostOf(standin);
    await using _ = startKitRunner(daemon, { tools: host });

    const answer = await signIn(standin, ["dev"]);
    await commands().listTools({ id });
    clock.step(HOUR_MS);
    await commands().listTools({ id });
    const shown = JSON.stringify([answer, await server()], (_key, value) =>
      typeof value === "bigint" ? String(value) : value,
    );
    const all = `${shown}\n${written()}`;

    const asked = standin.tokenRequests.flatMap((one) => [
      one.get("code"),
      one.get("code_verifier"),
      one.get("refresh_token"),
    ]);
    const values = [...asked.filter((one) => one !== null), ...host.tokens, client.secret];
    expect(values.length).toBeGreaterThan(5);
    expect(values.filter((value) => all.includes(value))).toEqual([]);
  });

  it("is refused where the server names another issuer than its spec: neither secret nor code leaves", async () => {
    const client = { id: "ours", secret: "client-secret-of-ours" };
    await using real = await signInStandin({ client });
    const oauth = { clientId: "ours", clientSecretVariable: "WEB_SECRET", issuer: real.issuer };
    const metadata = { authorization_endpoint: `${real.issuer}/authorize` };
    await using evil = await scene({ metadata }, oauth);
    const secrets = [{ name: "WEB_SECRET", value: client.secret }];
    await daemon.client.service(EnvironmentCommandController).create({ metadata: { name: "dev" }, spec: { secrets } });

    const { reason } = await refused(begun(["dev"]));

    expect(reason).toBe("SIGN_IN_FAILED");
    expect([evil.registrations, evil.tokenRequests, real.paths]).toEqual([[], [], []]);
  });

  it.each([
    ["a client and no issuer", { clientId: "ours" }],
    ["an issuer without https", { issuer: "http://idp.example" }],
    ["an issuer that looks like this machine", { issuer: "http://localhost.example" }],
    ["an issuer with a password", { issuer: "https://user:pass@idp.example" }],
    ["an issuer with a query", { issuer: "https://idp.example/?a" }],
    ["an issuer that is no URL", { issuer: "idp.example" }],
  ])("can't be described with %s", async (_, oauth) => {
    const transport = { case: "http" as const, value: { url: "https://mcp.example", oauth } };

    const { kind } = await refused(commands().create({ metadata: { name: "web" }, spec: { transport } }));

    expect(kind).toBe("invalid");
  });

  it("can't end it with the state of another, twice, after its time, or at another server", async () => {
    await using standin = await scene();
    const said = callback(await standin.agree((await begun()).authorizationUrl));
    const late = callback(await standin.agree((await begun()).authorizationUrl));
    const spec = { transport: { case: "http" as const, value: { url: standin.serverUrl } } };
    const other = idOf(await commands().create({ metadata: { name: "other" }, spec }));

    const wrong = await refused(commands().completeLogin({ id, ...said, state: "guessed" }));
    const elsewhere = await refused(commands().completeLogin({ id: other, ...said }));
    await commands().completeLogin({ id, ...said });
    const twice = await refused(commands().completeLogin({ id, ...said }));
    clock.step(11 * 60 * 1000);
    const old = await refused(commands().completeLogin({ id, ...late }));

    expect([wrong, elsewhere, twice, old].map(({ reason }) => reason)).toEqual(Array(4).fill("INVALID_REQUEST"));
    expect(standin.tokenRequests).toHaveLength(1);
  });

  it("signs in to one URL: when it is changed, the token is not sent there", async () => {
    await using standin = await scene();
    await using other = await signInStandin();
    const host = hostOf(other);
    await using _ = startKitRunner(daemon, { tools: host });
    const signedIn = await signIn(standin);
    const transport = { case: "http" as const, value: { url: other.serverUrl } };
    const { metadata } = signedIn;

    const changed = await commands().update({
      metadata: { name: "web", resourceVersion: metadata?.resourceVersion ?? "" },
      spec: { transport },
    });
    const { reason } = await refused(commands().listTools({ id }));

    expect(versionOf(changed)).not.toBe(versionOf(signedIn));
    expect(changed.status?.signIn).toBeUndefined();
    expect([reason, host.tokens]).toEqual(["SIGN_IN_REQUIRED", [""]]);
  });

  it("may sign out: the token is gone", async () => {
    await using standin = await scene();
    const host = hostOf(standin);
    await using _ = startKitRunner(daemon, { tools: host });
    await signIn(standin);

    const { status } = await commands().logout({ id });
    const { reason, message } = await refused(commands().listTools({ id }));

    expect(status?.signIn).toBeUndefined();
    expect([reason, host.tokens]).toEqual(["SIGN_IN_REQUIRED", [""]]);
    expect(message).toContain("stigmer mcp login web");
  });

  it("is told why it can't be done", async () => {
    await using _ = await scene({ registers: false });

    const { reason, message } = await refused(begun());

    expect([reason, message]).toEqual(["SIGN_IN_FAILED", expect.stringContaining("oauth.clientId")]);
  });

  it("is sent back to this machine only", async () => {
    await using _ = await scene();

    const refusal = await refused(commands().login({ id, redirectUri: "https://evil.example/back" }));

    expect(refusal.reason).toBe("INVALID_REQUEST");
  });
});

describe("an execution with a server that nobody has signed in to", () => {
  it("fails, and says how to sign in", async () => {
    await using standin = await scene();
    await using _ = startKitRunner(daemon, { tools: hostOf(standin) });
    await createAgent(daemon.client, { servers: ["web"] });

    const { status } = await untilEnd(
      daemon.client,
      idOf(await execute(daemon.client, { model: daemon.script([{ text: "ok" }]) })),
    );

    expect(status).toMatchObject({
      phase: Phase.FAILED,
      error: { reason: "SIGN_IN_REQUIRED", message: expect.stringContaining("stigmer mcp login web") },
    });
  });
});

describe("a token", () => {
  it("that is about to end is renewed once, however many need it", async () => {
    await using standin = await scene();
    const host = hostOf(standin);
    await using _ = startKitRunner(daemon, { tools: host });
    await signIn(standin);
    clock.step(HOUR_MS - 59_000);

    await Promise.all([1, 2, 3].map(() => commands().listTools({ id })));

    expect(standin.tokenRequests.map((one) => one.get("grant_type"))).toEqual(["authorization_code", "refresh_token"]);
    expect(new Set(host.tokens).size).toBe(1);
  });

  it("that the server refuses is renewed, and the tools are listed", async () => {
    await using standin = await scene();
    const host = hostOf(standin);
    await using _ = startKitRunner(daemon, { tools: host });
    await signIn(standin);
    standin.revoke({ renewals: false });

    const { tools } = await commands().listTools({ id });

    expect(tools).toHaveLength(1);
    expect(host.tokens.map((token) => standin.accepts(token))).toEqual([false, true]);
  });

  it("that can't be renewed any more is forgotten: the person has to sign in anew", async () => {
    await using standin = await scene();
    const host = hostOf(standin);
    await using _ = startKitRunner(daemon, { tools: host });
    await signIn(standin);
    standin.revoke({ renewals: true });

    const first = await refused(commands().listTools({ id }));
    const second = await refused(commands().listTools({ id }));

    expect([first, second].map(({ reason }) => reason)).toEqual(["SIGN_IN_REQUIRED", "SIGN_IN_REQUIRED"]);
    expect((await server()).status?.signIn).toBeUndefined();
    expect([standin.tokenRequests.length, host.tokens.at(-1)]).toEqual([2, ""]);
  });

  it.each([
    ["is renewed, and the call is made once", { renewals: false }, "done"],
    ["can't be renewed, which the model is told", { renewals: true }, "stigmer mcp login web"],
  ])("that the server refuses in a call %s", async (_, revoked, content) => {
    await using standin = await scene();
    const host = hostOf(standin);
    await using _runner = startKitRunner(daemon, { tools: host });
    await createAgent(daemon.client, { servers: ["web"] });
    await signIn(standin);
    const script = daemon.script([{ toolCalls: [{ name: "web__act", arguments: {} }] }, { text: "ok" }]);
    const execution = idOf(await execute(daemon.client, { model: script }));
    const { status } = await untilPhase(daemon.client, execution, Phase.WAITING_FOR_APPROVAL);
    standin.revoke(revoked);

    await decide(daemon.client, status?.approvalId ?? "");
    const ended = await untilEnd(daemon.client, execution);

    const results = valuesOf(await eventsOf(daemon.client, execution), "toolCallFinished");
    expect(ended.status?.phase).toBe(Phase.SUCCEEDED);
    expect(results.map(({ result }) => result?.content)).toEqual([expect.stringContaining(content)]);
    expect(host.calls).toHaveLength(revoked.renewals ? 0 : 1);
  });

  const isSealed = ({ puts = [] }: Batch): boolean => puts.some(({ kind }) => kind === "McpServer/sealed");

  it("that was renewed is kept, though the server is changed at that moment", async () => {
    await using standin = await scene();
    const host = hostOf(standin);
    await using _ = startKitRunner(daemon, { tools: host });
    const { metadata } = await signIn(standin);
    const transport = { case: "http" as const, value: { url: standin.serverUrl } };
    standin.revoke({ renewals: false });
    intruder.beforeCommit(isSealed, async () => {
      const changed = { description: "changed", transport };
      const resourceVersion = metadata?.resourceVersion ?? "";
      await commands().update({ metadata: { name: "web", resourceVersion }, spec: changed });
    });

    await commands().listTools({ id });
    await commands().listTools({ id });

    const { spec: now, status } = await server();
    expect([now?.description, status?.signIn?.url]).toEqual(["changed", standin.serverUrl]);
    expect(standin.tokenRequests).toHaveLength(2);
  });

  it("that was renewed while the person signed out is not kept", async () => {
    await using standin = await scene();
    await using _ = startKitRunner(daemon, { tools: hostOf(standin) });
    await signIn(standin);
    standin.revoke({ renewals: false });
    intruder.beforeCommit(isSealed, () => commands().logout({ id }));

    await commands().listTools({ id });
    const { reason } = await refused(commands().listTools({ id }));

    expect([reason, (await server()).status?.signIn]).toEqual(["SIGN_IN_REQUIRED", undefined]);
  });

  it("is purged with its server", async () => {
    await using standin = await scene();
    await signIn(standin);
    const sealed = { tenant: "local", kind: "McpServer/sealed", id };
    const dataKey = { tenant: "~sealing", kind: "data-key", id: `local/McpServer/${id}` };
    const kept = () => Promise.all([sealed, dataKey].map(async (row) => (await store().get(row)) !== undefined));

    const before = await kept();
    await commands().delete({ id });
    await commands().purge({ id });

    expect([before, await kept()]).toEqual([
      [true, true],
      [false, false],
    ]);
  });
});
