import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { Code } from "@connectrpc/connect";
import {
  type CallMcpServerToolResponseSchema,
  McpServerCommandController,
  type McpServerLogLineSchema,
  McpServerQueryController,
  McpServerSchema,
  type McpServerToolSchema,
} from "@stigmer/contracts/agentic";
import { describe, expect, it } from "vitest";
import { refusal } from "../backend.fake.ts";
import { createWorld, URL_OF_BACKEND, type World, type WorldOptions } from "../deps.fake.ts";

describe("mcp add", () => {
  it("keeps a program with its arguments, to the letter, and the variables that it receives", async () => {
    const { run, requests, world } = await scene({ isTTY: true });

    const code = await run(
      "add",
      "notes",
      "--env-var",
      "TOKEN",
      "--env-var",
      "HOST",
      "--",
      "npx",
      "-y",
      "notes",
      "--url",
      "x",
    );

    expect(requests).toMatchObject([
      {
        metadata: { name: "notes" },
        spec: {
          transport: { case: "stdio", value: { command: "npx", args: ["-y", "notes", "--url", "x"] } },
          variables: [{ name: "TOKEN" }, { name: "HOST" }],
        },
      },
    ]);
    expect([code, world.stdout()]).toEqual([0, "mcpserver/notes created\n"]);
    expect(world.stderr()).toContain("stigmer mcp tools notes");
  });

  it("keeps a URL with its headers, which may speak of variables", async () => {
    const { run, requests } = await scene();

    await run(
      "add",
      "web",
      "--server-url",
      "https://a.example/mcp",
      "--env-var",
      "KEY",
      "--header",
      "Authorization=Bearer ${KEY}",
    );

    expect(requests).toMatchObject([
      { spec: { transport: { value: { url: "https://a.example/mcp", headers: { Authorization: "Bearer ${KEY}" } } } } },
    ]);
  });

  it("says that a header is no place for a secret", async () => {
    const { run, world } = await scene();

    await run("add", "web", "--server-url", "https://a.example", "--header", "X-Api-Key=sesame");

    expect(world.stderr()).toMatch(/X-Api-Key .*no place for a secret/);
    expect(world.stderr()).not.toContain("sesame");
  });

  it.each([
    ["neither a program nor a URL", ["add", "x"]],
    ["both", ["add", "x", "--server-url", "https://a.example", "--", "npx"]],
    ["headers for a program", ["add", "x", "--header", "A=b", "--", "npx"]],
    ["a header that is none", ["add", "x", "--server-url", "https://a.example", "--header", "nope"]],
    ["a variable that is not declared", ["add", "x", "--server-url", "https://a.example", "--header", "A=${KEY}"]],
  ])("refuses %s, and says what to do", async (_, args) => {
    const { run, requests, world } = await scene();

    expect([await run(...args), requests]).toEqual([2, []]);
    expect(world.stderr().trim().split("\n")).toHaveLength(2);
  });
});

describe("mcp tools", () => {
  const tools = [
    {
      name: "read",
      description: "reads \u001b[2J",
      offered: true,
      accepted: true,
      annotations: '{"readOnlyHint":true}',
    },
    { name: "rm", description: "removes", offered: false, digest: "sha256:ab", inputSchema: "{}" },
    { name: "mv", description: "moves", offered: true, changed: true, annotations: '{"destructiveHint":false}' },
  ];

  it("shows what agents are offered, and what a person accepted", async () => {
    const { run, world, requests } = await scene({ tools, isTTY: true });

    const code = await run("tools", "notes", "--env", "dev");

    expect(requests).toMatchObject([{ id: "mcp_1", environments: ["dev"] }]);
    expect([
      code,
      world
        .stdout()
        .split("\n")
        .slice(0, 4)
        .map((line) => line.split(/ {3,}/)),
    ]).toEqual([
      0,
      [
        ["NAME", "AGENTS", "ACCEPTED", "EFFECTS", "DESCRIPTION"],
        ["read", "offered", "yes", "reads", "reads \\x1b[2J"],
        ["rm", "denied", "no", "destroys", "removes"],
        ["mv", "offered", "changed", "adds", "moves"],
      ],
    ]);
  });

  it("writes tab-separated values in a pipe, names, and the contract's JSON", async () => {
    const { run, world } = await scene({ tools });

    await run("tools", "notes");
    await run("tools", "notes", "-o", "name");
    await run("tools", "notes", "-o", "json");

    const [first, second, third, ...rest] = world.stdout().split("\n");
    expect(second).toBe("rm\tdenied\tno\tdestroys\tremoves\tsha256:ab");
    expect([first, third].map((line) => line?.split("\t").length)).toEqual([6, 6]);
    expect(rest.slice(0, 3)).toEqual(["read", "rm", "mv"]);
    expect(JSON.parse(rest.slice(3).join("\n"))).toMatchObject({ tools: [{ name: "read", accepted: true }, {}, {}] });
  });

  it("says that there are none", async () => {
    const { run, world } = await scene({ isTTY: true });

    expect([await run("tools", "notes"), world.stdout(), world.stderr()]).toEqual([0, "", "the server has no tools\n"]);
  });
});

describe("mcp call", () => {
  it.each<[string, WorldOptions & { file?: string }, string[], string]>([
    ["nothing", {}, [], "{}"],
    ["JSON", {}, ["--arguments", '{"a":1}'], '{"a":1}'],
    ["standard input", { stdin: '{"a":2}\n' }, ["--arguments", "-"], '{"a":2}'],
    ["a file", { file: '{"a":3}\n' }, ["--arguments", "@args.json"], '{"a":3}'],
  ])("sends %s as arguments, and writes the answer", async (_, { file, ...options }, args, sent) => {
    const { run, world, requests } = await scene({ answer: { content: "done" }, ...options });
    if (file) writeFileSync(join(world.home, "args.json"), file);

    const code = await run("call", "notes", "read", ...args);

    expect([code, world.stdout(), requests]).toMatchObject([
      0,
      "done\n",
      [{ id: "mcp_1", tool: "read", arguments: sent }],
    ]);
  });

  it("writes the answer to the letter in a pipe, and printable on a terminal", async () => {
    const answer = { content: "a\u001b[2Jb" };
    const pipe = await scene({ answer });
    const terminal = await scene({ answer, isTTY: true });

    await pipe.run("call", "notes", "read");
    await terminal.run("call", "notes", "read");

    expect(pipe.world.stdout()).toBe("a\u001b[2Jb\n");
    expect(terminal.world.stdout()).toBe("a\\x1b[2Jb\n");
  });

  it("fails where the tool says that it failed, having written what it said", async () => {
    const { run, world } = await scene({ answer: { content: "no such file", isError: true } });

    expect([await run("call", "notes", "read"), world.stdout()]).toEqual([1, "no such file\n"]);
    expect(world.stderr()).toContain("stigmer mcp logs notes");
  });

  it("says which files came beside the text", async () => {
    const file = { name: "a.png", mediaType: "image/png", size: 7n, digest: "sha256:ab" };
    const { run, world } = await scene({ answer: { content: "see", files: [file] } });

    await run("call", "notes", "read");

    expect(world.stderr()).toContain("file: a.png (image/png, 7 bytes, sha256:ab)");
  });

  it.each([
    ["are no JSON", "{nope"],
    ["are no object", "[1]"],
    ["are in a file that is not there", "@nowhere.json"],
  ])("refuses arguments that %s, before asking", async (_, args) => {
    const { run, requests } = await scene({});

    expect([await run("call", "notes", "read", "--arguments", args), requests]).toEqual([2, []]);
  });

  it("says what is wrong with arguments that do not fit", async () => {
    const { run, world } = await scene({ refuse: true });

    expect(await run("call", "notes", "read")).not.toBe(0);
    expect(world.stderr()).toContain("stigmer mcp tools notes");
  });
});

describe("mcp logs", () => {
  const lines = [
    { line: "started", sessionId: "ses_1", time: timestampFromMs(0) },
    { line: "warn \u001b[31m", time: timestampFromMs(1), lost: 4n },
  ];

  it("shows the lines with their times, and what is gone; nothing draws on the terminal", async () => {
    const { run, world, requests } = await scene({ lines, isTTY: true });

    const code = await run("logs", "notes", "-n", "5");

    expect(requests).toMatchObject([{ id: "mcp_1", follow: false, tail: 5 }]);
    expect([code, world.stdout()]).toEqual([
      0,
      "1970-01-01T00:00:00.000Z  started\n1970-01-01T00:00:00.001Z  warn \\x1b[31m\n",
    ]);
    expect(world.stderr()).toBe("note: 4 lines before are gone\n");
  });

  it("writes tab-separated values in a pipe, and JSON lines", async () => {
    const { run, world } = await scene({ lines });

    await run("logs", "notes");
    await run("logs", "notes", "-o", "json");

    const [first, , third] = world.stdout().split("\n");
    expect(first).toBe("1970-01-01T00:00:00.000Z\tses_1\tstarted");
    expect(JSON.parse(third ?? "")).toMatchObject({ sessionId: "ses_1", line: "started" });
  });

  it("follows until Ctrl-C", async () => {
    const { run, world, requests } = await scene({ lines, interruptAfter: true });

    expect(await run("logs", "notes", "-f")).toBe(130);
    expect(requests).toMatchObject([{ follow: true }]);
    expect(world.stdout().split("\n")).toHaveLength(3);
  });
});

type Scene = WorldOptions & {
  readonly tools?: readonly MessageInitShape<typeof McpServerToolSchema>[];
  readonly answer?: MessageInitShape<typeof CallMcpServerToolResponseSchema>;
  readonly lines?: readonly MessageInitShape<typeof McpServerLogLineSchema>[];
  readonly refuse?: boolean;
  readonly interruptAfter?: boolean;
};

/** A backend with one server, `notes`. */
async function scene({ tools = [], answer = {}, lines = [], refuse, interruptAfter, ...options }: Scene = {}): Promise<{
  world: World;
  requests: unknown[];
  run: (...args: string[]) => Promise<number>;
}> {
  const requests: unknown[] = [];
  const notes = create(McpServerSchema, { metadata: { name: "notes", id: "mcp_1" } });
  const note = <T>(request: T): T => {
    requests.push(request);
    return request;
  };
  const world = await createWorld({
    ...options,
    backends: {
      [URL_OF_BACKEND](router) {
        router.service(McpServerCommandController, {
          create: note,
          listTools: (request) => note(request) && { tools: [...tools] },
          callTool(request) {
            note(request);
            if (refuse) throw refusal(Code.InvalidArgument, "INVALID_REQUEST");
            return answer;
          },
        });
        router.service(McpServerQueryController, {
          get: () => notes,
          getByReference: () => notes,
          async *logs(request, { signal }) {
            note(request);
            yield* lines;
            if (!request.follow) return;
            await new Promise((resolve) => setTimeout(resolve, 0));
            if (interruptAfter) world.interrupt();
            signal.throwIfAborted();
          },
        });
      },
    },
  });
  return { world, requests, run: (...args) => world.run("--url", URL_OF_BACKEND, "mcp", ...args) };
}
