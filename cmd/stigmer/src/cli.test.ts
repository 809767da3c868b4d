import { Code } from "@connectrpc/connect";
import { describe, expect, it } from "vitest";
import { createBackend, refusal } from "./backend.fake.ts";
import { newAgentCommand } from "./commands/agent.ts";
import { newApplyCommand } from "./commands/apply.ts";
import { newApprovalCommand } from "./commands/approval.ts";
import { newListCommand } from "./commands/list.ts";
import { newLocalCommand } from "./commands/local.ts";
import { createWorld, URL_OF_BACKEND } from "./deps.fake.ts";
import { explain } from "./explain.ts";
import { chosenCommand } from "./program.ts";

describe("the command line", () => {
  it("shows help on stdout and is done", async () => {
    const world = await createWorld();

    const code = await world.run("--help");

    expect([code, world.stderr()]).toEqual([0, ""]);
    expect(world.stdout()).toContain("execution");
  });

  it.each(["get", "list", "local", "agent"])("shows the help of %s", async (command) => {
    const world = await createWorld();

    const codes = [await world.run("help", command), await world.run(command, "--help")];

    expect(codes).toEqual([0, 0]);
    expect(world.stdout()).toContain(`Usage: stigmer ${command}`);
  });

  it("shows the help of a command below another", async () => {
    const world = await createWorld();

    const code = await world.run("help", "agent", "execute");

    expect(code).toBe(0);
    expect(world.stdout()).toContain("Usage: stigmer agent execute");
  });

  it.each([
    [["gte"], "error: unknown command 'gte'\ndid you mean get?\n"],
    [["list"], "error: missing required argument 'kind'\nsee how: stigmer list --help\n"],
    [["help", "nope"], "error: unknown command 'nope'\nsee how: stigmer --help\n"],
    [["agent", "nope"], "error: unknown command 'nope'\nsee how: stigmer agent --help\n"],
    [
      ["agent", "create", "a", "--instruction", "x"],
      "error: unknown option '--instruction'\ndid you mean --instructions?\n",
    ],
    [["agent", "create", "a"], "error: --instructions is missing\nsee how: stigmer agent create --help\n"],
    [["apply", "a.yaml"], 'error: "a.yaml" has no -f before it\nwrite -f before each file or folder\n'],
    [["apply", "-f", "a.yaml", "b.yaml"], 'error: "b.yaml" has no -f before it\nwrite -f before each file or folder\n'],
    [["list", "agents", "--lmit", "3"], "error: unknown option '--lmit'\ndid you mean --limit?\n"],
    [["list", "agents", "--limit", "none"], 'error: "none" is not a whole number of at least 1\n'],
    [["list", "agnets"], 'error: unknown kind "agnets"\ndid you mean agents?\n'],
    [["agent", "execute", "a", "hi", "--approve", "maybe"], undefined],
    [
      ["list", "agents", "-o", "xml"],
      'error: there is no output format "xml" here\nuse one of: table, wide, json, yaml, name\n',
    ],
  ])("refuses %j as misused", async (args, stderr) => {
    const world = await createWorld();

    const code = await world.run(...args);

    expect([code, world.stdout()]).toEqual([2, ""]);
    if (stderr) expect(world.stderr()).toBe(stderr);
  });

  it("shows help on stderr where a word is missing", async () => {
    const world = await createWorld();

    const code = await world.run("local");

    expect([code, world.stdout()]).toEqual([2, ""]);
    expect(world.stderr()).toContain("Usage: stigmer local");
  });

  it.each([
    [["-o", "json", "list"], "list"],
    [["--url", "get", "list"], "list"],
    [["--url=x", "list"], "list"],
    [["help", "list"], "list"],
    [["--help"], undefined],
  ])("loads for %j what is used", (args, expected) => {
    expect(chosenCommand(args)).toBe(expected);
  });
});

describe("options", () => {
  it("of a text may look like options", async () => {
    const { deps } = await createWorld();
    const seen: unknown[] = [];
    const run = { create: async (_: unknown, options: unknown) => void seen.push(options), execute: async () => {} };

    const args = ["create", "a", "--instructions=-o json --url x", "--mcp-server", "m1", "--mcp-server", "m2"];
    await newAgentCommand(deps, run).parseAsync(args, { from: "user" });

    expect(seen).toEqual([{ name: "a", instructions: "-o json --url x", mcpServer: ["m1", "m2"] }]);
  });

  it("of execute are all that its run needs", async () => {
    const { deps } = await createWorld();
    const seen: unknown[] = [];
    const run = { create: async () => {}, execute: async (_: unknown, options: unknown) => void seen.push(options) };
    const args = [
      "execute",
      "a",
      "-",
      "--session",
      "s",
      "--approve",
      "all",
      "--detach",
      "-o",
      "json",
      "--url",
      "http://x",
    ];

    await newAgentCommand(deps, run).parseAsync(args, { from: "user" });

    const expected = {
      name: "a",
      message: "-",
      session: "s",
      approve: "all",
      detach: true,
      output: "json",
      url: "http://x",
    };
    expect(seen).toEqual([expected]);
  });

  it("are read by each command", async () => {
    const { deps } = await createWorld();
    const seen: unknown[] = [];
    const note = async (_: unknown, options: unknown): Promise<void> => void seen.push(options);
    const local = { start: note, stop: note, restart: note, status: note, logs: note, reset: note };

    await newApplyCommand(deps, note).parseAsync(["-f", "a", "-f", "-"], { from: "user" });
    await newListCommand(deps, note).parseAsync(["agents", "--limit", "3"], { from: "user" });
    await newLocalCommand(deps, local).parseAsync(["reset", "--from-backup", "-y"], { from: "user" });
    await newLocalCommand(deps, local).parseAsync(["logs", "-f", "-n", "5"], { from: "user" });
    const approval = newApprovalCommand(deps, { list: note, show: note, decide: note });
    await approval.parseAsync(["reject", "apr_1", "--comment", "no"], { from: "user" });
    const approving = ["approve", "apr_1", "apr_2", "--scope", "tool"];
    await newApprovalCommand(deps, { list: note, show: note, decide: note }).parseAsync(approving, { from: "user" });

    expect(seen).toEqual([
      { filename: ["a", "-"] },
      { kind: "agents", limit: 3 },
      { fromBackup: true, yes: true },
      { follow: true, lines: 5 },
      { names: ["apr_1"], decision: 2, comment: "no" },
      { names: ["apr_1", "apr_2"], decision: 1, scope: "tool" },
    ]);
  });
});

describe("exit codes", () => {
  it.each([
    [Code.NotFound, "RESOURCE_NOT_FOUND", 1],
    [Code.InvalidArgument, "INVALID_REQUEST", 2],
    [Code.Unauthenticated, "UNAUTHENTICATED", 3],
    [Code.PermissionDenied, "PERMISSION_DENIED", 3],
    [Code.FailedPrecondition, "MODEL_NOT_SET", 1],
    [Code.Unimplemented, "FEATURE_NOT_CLAIMED", 1],
    [Code.Internal, "INTERNAL", 1],
  ])("of a backend that refuses with %s %s is %i", async (code, reason, expected) => {
    const backend = createBackend();
    const world = await createWorld({ backends: { [URL_OF_BACKEND]: backend.routes } });
    const error = refusal(code, reason, { message: "no\x1b[2J", metadata: { kind: "Agent", name: "a" } });
    backend.agents.get = () => {
      throw error;
    };
    backend.agents.values = () => {
      throw error;
    };

    const exit = await world.run("get", "agent", "a", "--url", URL_OF_BACKEND);

    expect(exit).toBe(expected);
    expect(world.stderr()).toMatch(/^error: no\\x1b\[2J\n.+\n$/);
  });

  it("of a backend that is away is 4", async () => {
    const world = await createWorld();

    expect(await world.run("get", "agent", "a", "--url", "http://127.0.0.1:1")).toBe(4);
  });

  it("after Ctrl-C is 130", async () => {
    const backend = createBackend();
    const world = await createWorld({ backends: { [URL_OF_BACKEND]: backend.routes } });
    world.interrupt();

    expect(await world.run("get", "agent", "a", "--url", URL_OF_BACKEND)).toBe(130);
  });

  it("of an error that nobody foresaw is 1", () => {
    expect(explain(new Error("oh"))).toMatchObject({ exit: 1, message: "oh" });
  });
});
