import { fileURLToPath } from "node:url";
import {
  silentLog,
  type ToolHost,
  type ToolHostNews,
  type ToolListing,
  type ToolQuestion,
  type ToolReply,
  type ToolServer,
} from "@stigmer/sdk";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createFakeContext, type FakeContextOptions } from "./call-context.fake.ts";
import { createMcpHost } from "./mcp-host.ts";

const FIXTURE = fileURLToPath(new URL("fixtures/talking-server.mjs", import.meta.url));
// A machine may have much else to do.
const PATIENCE = { timeout: 15_000, interval: 20 };
// Of what encodes a secret a few bits may stand beside the mask.
const SAID = expect.stringMatching(/^token is \*\*\*, or \*\*\*.{0,3}$/);
const TOKEN = "tok-3f9a8b7c6d5e";

let host: ToolHost;
let lines: string[];
let changes: (readonly ToolListing[])[];

beforeEach(() => {
  lines = [];
  changes = [];
  host = createMcpHost({ env: { PATH: "/usr/bin:/bin" }, log: silentLog, stopPatienceMs: 100 });
  const news: ToolHostNews = {
    logged: (_, line) => void lines.push(line),
    toolsChanged: (_, tools) => void changes.push(tools),
  };
  host.tell?.(news);
});

afterEach(() => host.close());

function talking(era: string, more: Partial<ToolServer> = {}): ToolServer {
  return {
    sessionId: "ses_1",
    name: "talking",
    revision: era,
    transport: { kind: "stdio", command: process.execPath, args: [FIXTURE, era], env: {} },
    callTimeoutMs: 15_000,
    startTimeoutMs: 15_000,
    variables: { TOKEN },
    accessToken: "",
    workspace: "",
    ...more,
  };
}

function making(server: ToolServer, tool: string, options: FakeContextOptions & { readonly args?: object } = {}) {
  const context = createFakeContext(options);
  const invocation = { tool, arguments: JSON.stringify(options.args ?? {}), idempotencyKey: "k1" };
  return { context, answered: host.call(server, invocation, context) };
}

const accept = (content: object) => (): ToolReply => ({ action: "accept", content: JSON.stringify(content) });

describe.each(["legacy", "modern"])("a server of the %s protocol", (era) => {
  const server = talking(era);

  it("asks the user with a form, whose answer it gets, with the defaults of what was left out", async () => {
    const { context, answered } = making(server, "ask", { answer: accept({ branch: "main" }) });

    const { content } = await answered;

    expect(context.questions).toMatchObject([{ kind: "form", message: "Which branch?" }]);
    const [question] = context.questions as [ToolQuestion & { kind: "form" }];
    expect(JSON.parse(question.schema)).toMatchObject({ required: ["branch"] });
    expect(JSON.parse(content).result).toEqual({ action: "accept", content: { branch: "main", force: false } });
  });

  it.each(["decline", "cancel"] as const)("is told where the user does not answer: %s", async (action) => {
    const { answered } = making(server, "ask", { answer: () => ({ action, content: "" }) });

    expect(JSON.parse((await answered).content).result).toEqual({ action });
  });

  it("asks the user to open a URL", async () => {
    const { context, answered } = making(server, "open", { answer: () => ({ action: "accept", content: "" }) });

    expect(JSON.parse((await answered).content)).toMatchObject({ action: "accept" });
    expect(context.questions).toEqual([{ kind: "url", message: "Sign in", url: "https://example.com/sign-in" }]);
  });

  it("gets its call again once a URL that it insists on was opened", async () => {
    const { context, answered } = making(server, "must-open", { answer: () => ({ action: "accept", content: "" }) });

    expect(await answered).toEqual({ content: "opened", isError: false });
    expect(context.questions).toHaveLength(1);
  });

  it("may ask 16 times in a call; then the call fails", async () => {
    const { context, answered } = making(server, "nag", { answer: accept({ branch: "main" }) });

    await expect(answered).rejects.toMatchObject({ reason: "LIMIT_REACHED", notStarted: false });
    expect(context.questions).toHaveLength(16);
  });

  it("is refused a URL that is none of the web, and nobody is asked", async () => {
    const { context, answered } = making(server, "bad-url");

    expect((await answered).content).toMatch(/none of the web/);
    expect(context.questions).toEqual([]);
  });

  it("is refused what only a model could answer", async () => {
    const { answered } = making(server, "sample");

    expect((await answered).content).toMatch(/not done for it here|-32601|not found/i);
  });

  it("has all the time of its call left when the user has answered late", async () => {
    const slow = (): Promise<ToolReply> =>
      new Promise((resolve) => setTimeout(() => resolve({ action: "accept", content: '{"branch":"x"}' }), 2_500));
    const { answered } = making({ ...server, callTimeoutMs: 2_000 }, "ask", { answer: slow });

    expect((await answered).isError).toBe(false);
  });

  it("is not waited for where the call is cancelled while the user is asked", async () => {
    const stop = new AbortController();
    const { context, answered } = making(server, "ask", { signal: stop.signal, answer: () => new Promise(() => {}) });
    answered.catch(() => {});
    await vi.waitFor(() => expect(context.questions).toHaveLength(1), PATIENCE);

    stop.abort();

    await expect(answered).rejects.toMatchObject({ reason: "CANCELLED", notStarted: false });
  });

  it("says how far a call is, a thousand times at once, of which the first and little more is handed on", async () => {
    const { context, answered } = making(server, "progress");

    await answered;

    expect(context.progressed[0]).toEqual({ progress: 1, total: 1_000, message: "***" });
    expect(context.progressed.length).toBeLessThan(20);
  });

  it("writes a log in which nobody finds its secrets", async () => {
    await making(server, "log").answered;

    await vi.waitFor(() => expect(lines).toContainEqual(SAID), PATIENCE);
    if (era === "legacy") expect(lines).toContain('info db {"token":"***"}');
    expect(lines.join("\n")).not.toContain(TOKEN);
  });

  it("dies with a secret on its lips, of which nobody hears", async () => {
    const failure = await making(server, "leak").answered.catch((error: Error) => error);

    expect((failure as Error).message).toMatch(/exited with code 3; it wrote: dying with \*\*\*\nand \*\*\*$/);
    expect(JSON.stringify(failure)).not.toContain(TOKEN.slice(0, 8));
  });

  it("says that its tools have changed, and is listed anew", async () => {
    await host.start(server);

    await making(server, "change").answered;

    await vi.waitFor(
      () => expect(changes.at(-1)?.[0]).toMatchObject({ tool: "ask", description: "does something else" }),
      PATIENCE,
    );
  });

  it("is not called with a tool that it describes otherwise than when the call was judged", async () => {
    const definition = (await host.start(server)).find(({ tool }) => tool === "ask");
    await making(server, "change").answered;
    const context = createFakeContext();
    const invocation = { tool: "ask", arguments: "{}", idempotencyKey: "k1", definition };

    await expect(host.call(server, invocation, context)).rejects.toMatchObject({
      reason: "TOOL_CHANGED",
      notStarted: true,
    });
    expect(context.questions).toEqual([]);
  });

  it("lends its resources and prompts to the model as tools that only read", async () => {
    const names = ["list_resources", "read_resource", "list_prompts", "get_prompt"];

    const listed = await host.start(server);

    const offered = listed.filter(({ tool }) => names.includes(tool));
    expect(offered.map(({ tool }) => tool)).toEqual(names);
    for (const { annotations } of offered) expect(JSON.parse(annotations)).toMatchObject({ readOnlyHint: true });
  });

  it.each([
    ["list_resources", {}, /mem:\/\/a.txt.*"nextCursor":"p2"/],
    ["list_resources", { cursor: "p2" }, /^\{"resources":\[\{"name":"b","uri":"mem:\/\/b.bin"\}\]\}$/],
    ["read_resource", { uri: "mem://a.txt" }, /^the text$/],
    ["list_prompts", {}, /"name":"greet"/],
    ["get_prompt", { name: "greet", arguments: { who: "Ada" } }, /^user:\nGreet Ada$/],
  ])("reads for the model: %s %j", async (tool, args, content) => {
    expect(await making(server, tool, { args }).answered).toEqual({
      content: expect.stringMatching(content),
      isError: false,
    });
  });

  it("hands over a resource that is no text as an attachment", async () => {
    const { context, answered } = making(server, "read_resource", { args: { uri: "mem://b.bin" } });

    const { content, attachments } = await answered;

    expect(content).toBe("[resource mem://b.bin application/x-thing, 3 bytes, attached as b.bin]");
    expect(attachments).toMatchObject([{ name: "b.bin", mediaType: "application/x-thing", size: 3n }]);
    expect(context.saved).toEqual([Buffer.from([0, 1, 2])]);
  });

  it.each([
    ["read_resource", {}, "uri is missing"],
    ["get_prompt", {}, "name is missing"],
    ["read_resource", { uri: "mem://nowhere" }, "no such resource"],
  ])("refuses for the model to read: %s %j", async (tool, args, content) => {
    expect(await making(server, tool, { args }).answered).toEqual({
      content: expect.stringContaining(content),
      isError: true,
    });
  });
});
