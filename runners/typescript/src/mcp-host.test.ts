import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { silentLog, type ToolHost, type ToolServer } from "@stigmer/sdk";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createFakeContext } from "./call-context.fake.ts";
import { createMcpHost } from "./mcp-host.ts";

const FIXTURE = fileURLToPath(new URL("fixtures/mcp-server.mjs", import.meta.url));
const EXITING_HOST = fileURLToPath(new URL("fixtures/exiting-host.mjs", import.meta.url));

let host: ToolHost;
let workspace: string;

beforeEach(async () => {
  workspace = await mkdtemp(join(tmpdir(), "stigmer-test-"));
  host = createMcpHost({
    env: { PATH: "/usr/bin:/bin", HOME: "/home/me", SECRET: "s3cret" },
    log: silentLog,
    stopPatienceMs: 100,
  });
});

afterEach(async () => {
  await host.close();
  await rm(workspace, { recursive: true });
});

function fixture(mode: string, changes: Partial<ToolServer> = {}): ToolServer {
  return {
    sessionId: "ses_1",
    name: "fixture",
    revision: mode,
    transport: { kind: "stdio", command: process.execPath, args: [FIXTURE, mode], env: { DECLARED: "yes" } },
    callTimeoutMs: 5_000,
    startTimeoutMs: 1_500,
    variables: {},
    accessToken: "",
    workspace,
    ...changes,
  };
}

const call = (server: ToolServer, tool: string, args = "{}", signal?: AbortSignal) =>
  host.call(server, { tool, arguments: args, idempotencyKey: "k1" }, createFakeContext({ ...(signal && { signal }) }));

async function look(
  server: ToolServer,
): Promise<{ env: NodeJS.ProcessEnv; cwd: string; pid: number; cancelled: number }> {
  return JSON.parse((await call(server, "env")).content);
}

const failed = (message: RegExp, notStarted: boolean) =>
  expect.objectContaining({ reason: "TOOL_SERVER_FAILED", message: expect.stringMatching(message), notStarted });

// A process that was killed but not yet reaped by whoever adopted it does not run.
function isRunning(pid: number): boolean {
  const { stdout } = spawnSync("ps", ["-o", "stat=", "-p", String(pid)], { encoding: "utf8" });
  return stdout.trim() !== "" && !stdout.startsWith("Z");
}

function isReaped(pid: number): boolean {
  return spawnSync("ps", ["-p", String(pid)]).status !== 0;
}

describe("a server", () => {
  it("lists its tools", async () => {
    const tools = await host.start(fixture("ok"));

    expect(tools.map(({ tool }) => tool)).toEqual(["echo", "env", "die", "slow", "refuse"]);
    expect(tools[0]).toEqual({
      tool: "echo",
      description: "does echo",
      inputSchema: '{"type":"object"}',
      annotations: '{"readOnlyHint":true}',
    });
    expect(tools[1]?.annotations).toBe("");
  });

  it("lists them on as many pages as it likes", async () => {
    const tools = await host.start(fixture("pages"));

    expect(tools.map(({ tool }) => tool)).toEqual(["t0", "t1", "t2", "t3"]);
  });

  it.each([
    ["many", /more than 1024 tools/],
    ["endless", /more than 1024 pages/],
  ])("is refused where its list has no end: %s", async (mode, message) => {
    const server = fixture(mode, { startTimeoutMs: 20_000 });

    await expect(host.start(server)).rejects.toEqual(failed(message, false));
  });

  it("is refused where it lists two tools of one name", async () => {
    await expect(host.start(fixture("twins"))).rejects.toEqual(failed(/it lists two tools named "same"/, false));
  });

  it("may take as long to start as its definition says, and no longer", async () => {
    const patient = fixture("late", { startTimeoutMs: 5_000 });
    const hasty = fixture("late", { revision: "r2", startTimeoutMs: 200 });

    await expect(host.start(patient)).resolves.toHaveLength(5);
    await expect(host.start(hasty)).rejects.toEqual(failed(/did not answer within 0\.2 s/, true));
  });

  it("gets the variables that it declares, which count more than what its definition says", async () => {
    const variables = { TOKEN: "tok-12345678", DECLARED: "by a person" };

    const { env } = await look(fixture("ok", { variables, secretNames: [] }));

    expect(env).toMatchObject({ TOKEN: "tok-12345678", DECLARED: "by a person" });
  });

  it("is started anew for other variables, and the one that had the older is ended", async () => {
    const before = await look(fixture("ok", { variables: { TOKEN: "tok-12345678" }, secretNames: [] }));
    const after = await look(fixture("ok", { variables: { TOKEN: "tok-87654321" }, secretNames: [] }));

    expect(after.env).toMatchObject({ TOKEN: "tok-87654321" });
    await vi.waitFor(() => expect(isRunning(before.pid)).toBe(false), { timeout: 10_000, interval: 20 });
  });

  it("gets a safe set of variables, its own, and a node of last resort", async () => {
    const { env } = await look(fixture("ok"));

    expect(env).toMatchObject({ HOME: "/home/me", DECLARED: "yes" });
    expect(env.PATH).toBe(`/usr/bin:/bin:${dirname(process.execPath)}`);
    expect(env.SECRET).toBeUndefined();
  });

  it("runs in the workspace, and without one in a private folder of the session", async () => {
    const withOne = await look(fixture("ok"));
    const without = await look(fixture("ok", { name: "a", workspace: "" }));
    const sibling = await look(fixture("ok", { name: "b", workspace: "" }));
    const stranger = await look(fixture("ok", { sessionId: "ses_2", workspace: "" }));

    expect(withOne.cwd).toBe(workspace);
    expect(without.cwd).toMatch(/stigmer-runner-/);
    expect(sibling.cwd).toBe(without.cwd);
    expect(stranger.cwd).not.toBe(without.cwd);
  });

  it("is one process for all calls of a session and revision, and another for others", async () => {
    const same = await Promise.all([look(fixture("ok")), look(fixture("ok")), look(fixture("ok"))]);
    const other = await look(fixture("ok", { revision: "r2" }));

    expect(new Set(same.map(({ pid }) => pid)).size).toBe(1);
    expect(other.pid).not.toBe(same[0]?.pid);
  });

  it("may print what is no message, on both outputs", async () => {
    await expect(host.start(fixture("chatty"))).resolves.toHaveLength(5);
  });

  it("may speak only the newer protocol", async () => {
    const server = fixture("modern");

    await expect(host.start(server)).resolves.toHaveLength(5);
    expect((await call(server, "echo", '{"a":1}')).content).toBe('{"a":1,"meta":{"key":"k1"}}');
  });

  it.each([
    ["is missing", { command: "no-such-program" }, /its program was not found/],
    ["is missing at its path", { command: "./no-such-program" }, /its program was not found/],
    ["may not be executed", { command: FIXTURE }, /its program may not be executed/],
    ["exits at once", { args: [FIXTURE, "exit"] }, /it exited with code 4; it wrote: .*no licence found$/s],
    ["never answers", { args: [FIXTURE, "silent"] }, /did not answer within 1\.5 s/],
    ["writes rubbish only", { args: [FIXTURE, "gibberish"] }, /it writes no messages but "lorem ipsum"/],
  ])("that %s is reported", async (_, changes, message) => {
    const transport = { kind: "stdio" as const, command: process.execPath, args: [], env: {}, ...changes };

    await expect(host.start(fixture("ok", { transport }))).rejects.toEqual(failed(message, true));
  });

  it("that has nowhere to run is reported", async () => {
    const server = fixture("ok", { workspace: join(workspace, "gone") });

    await expect(host.start(server)).rejects.toEqual(failed(/folder ".*gone" does not exist/, true));
  });

  it("that did not start may start the next time", async () => {
    const server = fixture("ok", { workspace: join(workspace, "later") });
    await host.start(server).catch(() => {});

    await expect(host.start({ ...server, workspace })).resolves.toHaveLength(5);
  });

  it("keeps no more of what it writes to standard error than a person reads", async () => {
    const message = await host.start(fixture("exit")).catch(({ message }: Error) => message);

    expect(String(message).length).toBeLessThan(4_300);
  });
});

describe("a call", () => {
  it("hands on the arguments and the idempotency key", async () => {
    const { content, isError } = await call(fixture("ok"), "echo", '{"path":"a"}');

    expect(JSON.parse(content)).toEqual({ path: "a", meta: { "stigmer.ai/idempotency-key": "k1", progressToken: 1 } });
    expect(isError).toBe(false);
  });

  it.each([
    ["reports an error", "fail", "{}", /^disk full$/],
    ["refuses the call", "refuse", "{}", /no such file/],
    ["answers at too great a length", "big", "{}", /^result of 1048577 bytes is larger than 1 MiB$/],
    ["would get no object", "echo", "[1]", /not a JSON object/],
    ["would get no JSON", "echo", "{", /not a JSON object/],
  ])("is an answer for the model where the tool %s", async (_, tool, args, content) => {
    const answer = await call(fixture("ok"), tool, args);

    expect(answer).toEqual({ content: expect.stringMatching(content), isError: true });
  });

  it("in which the server dies is reported with what the server wrote", async () => {
    const calling = call(fixture("ok"), "die");

    await expect(calling).rejects.toEqual(
      failed(/"die" was called: it exited with code 3; it wrote: out of luck/, false),
    );
  });

  it("after the server died starts it again", async () => {
    const before = await look(fixture("ok"));
    await call(fixture("ok"), "die").catch(() => {});

    const after = await look(fixture("ok"));

    expect(after.pid).not.toBe(before.pid);
  });

  it("that comes between its server's death and its next start has a server all the same", async () => {
    const server = fixture("ok");
    const { pid } = await look(server);
    await call(server, "die-soon");
    await vi.waitFor(() => expect(isReaped(pid)).toBe(true), { timeout: 5_000, interval: 10 });

    const after = await look(server);

    expect(after.pid).not.toBe(pid);
  });

  it("has the answer to itself where a server answers in another order than it was asked", async () => {
    const server = fixture("ok");

    const answers = await Promise.all([call(server, "first"), call(server, "second")]);

    expect(answers.map(({ content }) => content)).toEqual(["first", "second"]);
  });

  it("has the first of two answers, and no other call has the second", async () => {
    const server = fixture("ok");

    const once = await call(server, "twice");
    const next = await call(server, "echo");

    expect(once.content).toBe("once");
    expect(JSON.parse(next.content)).toHaveProperty("meta");
  });

  it("to a server that keeps dying waits longer each time, and says so where that is too long", async () => {
    const transport = { kind: "stdio" as const, command: "no-such-program", args: [], env: {} };
    const server = fixture("ok", { transport, startTimeoutMs: 400 });
    const started = performance.now();

    const failures: string[] = [];
    for (let tries = 0; tries < 4; tries++) {
      failures.push(await host.start(server).then(String, ({ message }: Error) => message));
    }

    expect(failures.slice(0, 3)).toEqual(Array(3).fill(expect.stringContaining("not found")));
    expect(failures[3]).toMatch(/keeps dying; it is not started again for 1 s/);
    expect(performance.now() - started).toBeGreaterThan(200);
  });

  it.each([
    ["odd", /not what MCP prescribes/],
    ["rubbish", /it writes no messages but "what\?"/],
  ])("that is answered by rubbish is reported: %s", async (tool, message) => {
    await expect(call(fixture("ok"), tool)).rejects.toEqual(failed(message, false));
  });

  it("that takes too long is reported, and the server told", async () => {
    const server = fixture("ok", { callTimeoutMs: 200 });

    await expect(call(server, "slow")).rejects.toEqual(failed(/did not answer within 0\.2 s/, false));
    expect((await look(server)).cancelled).toBe(1);
  });

  it("that is cancelled is given up where the tool does not answer in time, and the server told", async () => {
    const server = fixture("ok");
    const controller = new AbortController();
    const calling = call(server, "slow", "{}", controller.signal);
    calling.catch(() => {});
    await look(server);

    controller.abort();
    const told = await look(server);

    expect(told.cancelled).toBe(1);
    await expect(calling).rejects.toMatchObject({ reason: "CANCELLED", notStarted: false });
  });

  it("that is cancelled has the answer that the tool still gives", async () => {
    const server = fixture("ok");
    const controller = new AbortController();
    const calling = call(server, "finish", "{}", controller.signal);
    await look(server);

    controller.abort();

    await expect(calling).resolves.toEqual({ content: "finished all the same", isError: false });
  });

  it("that is cancelled while its server starts was never made", async () => {
    const controller = new AbortController();
    const calling = call(fixture("silent"), "echo", "{}", controller.signal);

    controller.abort();

    await expect(calling).rejects.toMatchObject({ reason: "CANCELLED", notStarted: true });
  });

  it("whose answer is far too large is answered with the limit, by a server that goes on, in bounded memory", async () => {
    const server = fixture("ok", { callTimeoutMs: 30_000 });
    const { pid } = await look(server);
    await call(server, "huge");
    const before = process.memoryUsage().rss;

    const answers: unknown[] = [];
    let most = 0;
    const sampler = setInterval(() => {
      most = Math.max(most, process.memoryUsage().rss - before);
    }, 1);
    for (let count = 0; count < 2; count++) answers.push(await call(server, "huge"));
    clearInterval(sampler);

    expect(answers).toEqual(
      Array(2).fill({
        content: expect.stringMatching(/answer of 10485\d{4} bytes is larger than 8 MiB/),
        isError: true,
      }),
    );
    expect((await look(server)).pid).toBe(pid);
    expect(most).toBeLessThan(64 * 1024 * 1024); // one answer alone, kept as text, would be more
  }, 60_000);

  it("to a server that cannot be started never reached it", async () => {
    const transport = { kind: "stdio" as const, command: "no-such-program", args: [], env: {} };

    await expect(call(fixture("ok", { transport }), "echo")).rejects.toEqual(failed(/not found/, true));
  });
});

describe("a stop", () => {
  it("ends the session's server, and the calls that it makes", async () => {
    const calling = call(fixture("ok"), "slow");
    calling.catch(() => {});
    const { pid } = await look(fixture("ok"));

    await host.stop("ses_1", "fixture");

    await expect(calling).rejects.toEqual(failed(/it was stopped/, false));
    expect(isRunning(pid)).toBe(false);
  });

  it("without a name ends all of the session's, and no others", async () => {
    const one = await look(fixture("ok", { name: "one" }));
    const two = await look(fixture("ok", { name: "two" }));
    const other = await look(fixture("ok", { sessionId: "ses_2" }));

    await host.stop("ses_1");

    expect([one, two, other].map(({ pid }) => isRunning(pid))).toEqual([false, false, true]);
  });

  it("of a person's last server removes the private folder, and no other", async () => {
    const own = { sessionId: "person-1", workspace: "" };
    const { cwd } = await look(fixture("ok", { ...own, name: "one" }));
    await look(fixture("ok", { ...own, name: "two" }));
    await look(fixture("ok", { sessionId: "person-2" }));
    const session = await look(fixture("ok", { workspace: "" }));

    await host.stop("person-1", "one");
    const isThereForTheOther = existsSync(cwd);
    for (const sessionId of ["person-1", "person-2", "ses_1"]) await host.stop(sessionId);

    expect(isThereForTheOther).toBe(true);
    expect([cwd, workspace, session.cwd].map((folder) => existsSync(folder))).toEqual([false, true, true]);
  });

  it("ends what the server started as well", async () => {
    const server = fixture("parent");
    await host.start(server);
    const child = Number((await call(server, "child")).content);

    await host.stop("ses_1");

    expect(isRunning(child)).toBe(false);
  });

  it.runIf(process.platform === "linux")("ends what left the server's process group", async () => {
    const server = fixture("stray");
    const stray = Number((await call(server, "stray")).content);

    await host.stop("ses_1");

    await vi.waitFor(() => expect(isRunning(stray)).toBe(false), { timeout: 10_000, interval: 20 });
  });

  it("kills a server that does not go when it is asked to", async () => {
    const { pid } = await look(fixture("stubborn"));

    await host.close();

    expect(isRunning(pid)).toBe(false);
  });

  it("ends a server that is only starting", async () => {
    const starting = host.start(fixture("silent", { callTimeoutMs: 60_000 }));
    starting.catch(() => {});

    await host.stop("ses_1");

    await expect(starting).rejects.toEqual(failed(/failed while it was started/, true));
  });

  it("comes to every server and private folder when the runner's process exits, whatever the reason", () => {
    const { stdout } = spawnSync(process.execPath, [EXITING_HOST], { encoding: "utf8" });

    const { pid, cwd } = JSON.parse(stdout);
    expect(isRunning(pid)).toBe(false);
    expect(existsSync(cwd)).toBe(false);
  });

  it("comes to a server that would go on for ever when the runner is killed", async () => {
    const runner = spawn(process.execPath, [EXITING_HOST, "stay"], { stdio: ["ignore", "pipe", "inherit"] });
    const [line] = await once(createInterface({ input: runner.stdout }), "line");
    const { pid, cwd, stray } = JSON.parse(line);

    runner.kill("SIGKILL");

    await vi.waitFor(() => expect(isRunning(pid)).toBe(false), { timeout: 15_000, interval: 50 });
    if (process.platform === "linux") {
      await vi.waitFor(() => expect(isRunning(stray)).toBe(false), { timeout: 5_000, interval: 50 });
    }
    await rm(cwd, { recursive: true, force: true });
  }, 30_000);

  it("is for good where the host is closed", async () => {
    await host.close();

    await expect(host.start(fixture("ok"))).rejects.toEqual(failed(/the runner stops/, true));
  });
});
