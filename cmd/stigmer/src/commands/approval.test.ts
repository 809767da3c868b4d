import { writeFileSync } from "node:fs";
import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { Code } from "@connectrpc/connect";
import {
  type Approval,
  ApprovalCause,
  ApprovalDecision,
  ApprovalExpiry,
  ApprovalSchema,
  ApprovalScope,
} from "@stigmer/contracts/agentic";
import { WatchEventType } from "@stigmer/contracts/commons";
import { describe, expect, it } from "vitest";
import { type ApprovalChange, createBackend, type FakeBackend, refusal } from "../backend.fake.ts";
import { createWorld, URL_OF_BACKEND, type World, type WorldOptions } from "../deps.fake.ts";

const NOW = Date.parse("2026-01-31T12:00:00Z");

describe("approval list", () => {
  it("shows the open ones, the oldest first, with who asks for what until when", async () => {
    const { run, world } = await scene({ isTTY: true });

    const code = await run("list", "-o", "wide");

    expect([code, rows(world.stdout())]).toEqual([
      0,
      [
        "ID|AGENT|TOOL|ARGUMENTS|CAUSE|EXPIRES|SERVER|ASKED|EXECUTION|ASKED BY",
        'apr_1|writer|rm|{"path":"/"}|uncertain|in 2h (escalated)|files|5m|aex_root|aex_child',
        "apr_2|-|add|{}|policy|-|notes|1m|aex_2|-",
      ],
    ]);
  });

  it("shows decided ones too where it is told to", async () => {
    const { run, world } = await scene();

    await run("list", "--all");

    expect(world.stdout().split("\n").at(0)?.split("\t").slice(0, 2)).toEqual(["apr_0", "approved"]);
  });

  it("writes tab-separated values with whole times in a pipe", async () => {
    const { run, world } = await scene();

    await run("list");

    expect(world.stdout().split("\n")[0]).toBe(
      'apr_1\topen\taex_root\taex_child\twriter\tfiles\trm\t{"path":"/"}\tuncertain\t2026-01-31T11:55:00.000Z\t2026-01-31T14:00:00.000Z',
    );
  });

  it("asks for open ones only, and for those of an execution and its sub-agents", async () => {
    const { run, backend } = await scene();

    await run("list", "--execution", "aex_root");

    const filter = 'NOT status.decision:* AND (spec.executionId = "aex_root" OR spec.rootExecutionId = "aex_root")';
    expect(backend.requests).toMatchObject([{ filter }]);
  });
});

describe("approval list --watch", () => {
  const decided = (id: string, decision: ApprovalDecision): ApprovalChange => ({
    type: WatchEventType.MODIFIED,
    object: create(ApprovalSchema, {
      metadata: { id, name: id, resourceVersion: "9" },
      spec: { tool: "t" },
      status: { decision },
    }),
  });
  const added: ApprovalChange = { type: WatchEventType.ADDED, object: approvalOf("apr_9") };

  it("writes what is open, then one line per change, off a terminal", async () => {
    const { run, world } = await watching([added, decided("apr_1", ApprovalDecision.APPROVED), decided("apr_0", 1)]);

    const code = await run("list", "--watch");

    const lines = world.stdout().split("\n").slice(0, -1);
    expect([code, lines.map((line) => line.split("\t").slice(0, 2))]).toEqual([
      130,
      [
        ["escalated", "apr_1"],
        ["open", "apr_2"],
        ["open", "apr_9"],
        ["approved", "apr_1"],
      ],
    ]);
  });

  it("goes on after the list, so that nothing between them is missed", async () => {
    const { run, backend } = await watching([]);

    await run("list", "--watch");

    const [listed, watched] = backend.requests as { readonly filter: string }[];
    expect(watched).toMatchObject({ resumeToken: "after-list", sendInitial: false, filter: listed?.filter });
  });

  it("is a table drawn anew on a screen of its own on a terminal, and leaves that", async () => {
    const { run, world } = await watching([decided("apr_1", ApprovalDecision.REJECTED)], { isTTY: true });

    await run("list", "--watch");

    const [before = "", ...screens] = world.stdout().split("\x1b[H\x1b[J");
    expect(before).toBe("\x1b[?1049h\x1b[?25l");
    expect(screens.map((screen) => screen.match(/apr_\d/g))).toEqual([["apr_1", "apr_2"], ["apr_2"]]);
    expect(world.stdout().endsWith("\x1b[?25h\x1b[?1049l")).toBe(true);
  });

  it("reads the list anew where the backend has forgotten, and says only what is new", async () => {
    const { run, world, backend } = await watching([]);
    const { watchApprovals } = backend;
    backend.watchApprovals = () => {
      backend.watchApprovals = watchApprovals;
      backend.approvals.delete("apr_1");
      throw refusal(Code.OutOfRange, "WATCH_TOKEN_EXPIRED");
    };

    await run("list", "--watch");

    const lines = world.stdout().split("\n").slice(0, -1);
    expect(lines.map((line) => line.split("\t").slice(0, 2).join(" "))).toEqual([
      "escalated apr_1",
      "open apr_2",
      "gone apr_1",
    ]);
  });

  it("writes the contract's JSON, one line per change", async () => {
    const { run, world } = await watching([decided("apr_1", ApprovalDecision.EXPIRED)]);

    await run("list", "--watch", "-o", "json");

    const changes = world
      .stdout()
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(changes[0]).toMatchObject({ type: "WATCH_EVENT_TYPE_ADDED", object: { metadata: { id: "apr_1" } } });
    expect(changes[2]).toMatchObject({
      type: "WATCH_EVENT_TYPE_MODIFIED",
      object: { status: { decision: "APPROVAL_DECISION_EXPIRED" } },
    });
  });
});

describe("approval show", () => {
  it.each(["show", "get"])("%s shows arguments, definition and expiry whole", async (verb) => {
    const { run, world } = await scene({ isTTY: true });

    const code = await run(verb, "apr_1");

    expect(code).toBe(0);
    expect(world.stdout()).toContain('arguments         \n    {\n      "path": "/"\n    }\n');
    expect(world.stdout()).toContain("definition digest sha256:abc\n");
    expect(world.stdout()).toContain("expires           in 2h (2026-01-31T14:00:00.000Z); then the call is not made\n");
    expect(world.stdout()).toContain("state             open, escalated\n");
  });

  it("writes label and value in a pipe", async () => {
    const { run, world } = await scene();

    await run("show", "apr_1");

    expect(world.stdout()).toContain('arguments\t{"path":"/"}\n');
    expect(world.stdout()).toContain("expires\t2026-01-31T14:00:00.000Z\n");
  });
});

describe("approval approve, reject, skip", () => {
  it.each([
    [["approve", "apr_1", "--scope", "tool"], { decision: ApprovalDecision.APPROVED, scope: ApprovalScope.TOOL }],
    [["approve", "apr_1", "--scope", "server"], { decision: ApprovalDecision.APPROVED, scope: ApprovalScope.SERVER }],
    [
      ["approve", "apr_1", "--arguments", '{"path":"/tmp"}'],
      { decision: ApprovalDecision.APPROVED, arguments: '{"path":"/tmp"}' },
    ],
    [["skip", "apr_1", "--comment", "not now"], { decision: ApprovalDecision.SKIPPED, comment: "not now" }],
  ])("%j sends what was said, and nothing else", async (args, expected) => {
    const { run, decisions } = await scene();

    const code = await run(...args);

    const nothing = { scope: 0, arguments: "", comment: "" };
    expect([code, decisions()]).toEqual([0, [expect.objectContaining({ id: "apr_1", ...nothing, ...expected })]]);
  });

  it("says what an approval covers", async () => {
    const { run, world } = await scene();

    await run("approve", "apr_1", "--scope", "tool", "--arguments", "{}");

    expect(world.stdout()).toBe("approval/apr_1 approved for every call of this tool with other arguments\n");
  });

  it("decides several in order", async () => {
    const { run, world } = await scene();

    const code = await run("reject", "apr_2", "apr_1");

    expect([code, world.stdout()]).toEqual([0, "approval/apr_2 rejected\napproval/apr_1 rejected\n"]);
  });

  it("takes the arguments from the editor, to the letter", async () => {
    const { run, decisions } = await scene(editing('{ "path": "/tmp", "n": 1.0 }\n'));

    const code = await run("approve", "apr_1", "--edit");

    expect([code, decisions()]).toMatchObject([0, [{ arguments: '{ "path": "/tmp", "n": 1.0 }' }]]);
  });

  it.each([
    ["changes nothing", editing(), 1],
    ["writes no JSON", editing("{"), 2],
    ["writes no object", editing("[]"), 2],
    ["has no terminal", { ...editing("{}"), isTTY: false }, 2],
    ["can't start", { ...editing(), processes: { run: () => Promise.reject(new Error("ENOENT")) } }, 1],
    ["gives up", { ...editing("{}"), processes: { run: async () => 1 } }, 1],
  ])("decides nothing where the editor %s", async (_, options, expected) => {
    const { run, decisions, world } = await scene(options);

    const code = await run("approve", "apr_1", "--edit");

    expect([code, decisions()]).toEqual([expected, []]);
    expect(world.stderr()).toMatch(/^error: .*\n.+\n$/);
  });

  it.each([
    [["apr_1", "--arguments", "{"]],
    [["apr_1", "--arguments", "{}", "--edit"]],
    [["apr_1", "apr_2", "--arguments", "{}"]],
    [["apr_1", "--scope", "world"]],
  ])("refuses %j as misused", async (args) => {
    const { run, backend } = await scene({ isTTY: true });

    expect([await run("approve", ...args), backend.requests]).toEqual([2, []]);
  });

  it("says which option does not fit", async () => {
    const { run, world, backend } = await scene();
    backend.decide = () => {
      const fields = { arguments: "path must be a string" };
      throw refusal(Code.InvalidArgument, "INVALID_REQUEST", { fields });
    };

    const code = await run("approve", "apr_1", "--arguments", '{"path":1}');

    const said = "error: --arguments: path must be a string\nsee what is asked: stigmer approval show apr_1\n";
    expect([code, world.stderr()]).toEqual([2, said]);
  });
});

function approvalOf(id: string): Approval {
  return create(ApprovalSchema, {
    metadata: { id, name: id, resourceVersion: "1", createTime: timestampFromMs(NOW) },
    spec: { tool: "t" },
  });
}

/** An editor that writes this text, or leaves what is there. */
function editing(text?: string): WorldOptions {
  return {
    isTTY: true,
    env: { EDITOR: "ed --wait" },
    processes: {
      async run({ command }) {
        expect(command.slice(0, 2)).toEqual(["ed", "--wait"]);
        if (text !== undefined) writeFileSync(command.at(-1) ?? "", text);
        return 0;
      },
    },
  };
}

type Scene = {
  readonly world: World;
  readonly backend: FakeBackend;
  readonly run: (...args: string[]) => Promise<number>;
  readonly decisions: () => unknown[];
};

async function scene(options: WorldOptions = {}): Promise<Scene> {
  const backend = createBackend();
  const at = (minutes: number) => timestampFromMs(NOW + minutes * 60_000);
  const add = (id: string, init: Parameters<typeof create<typeof ApprovalSchema>>[1]) =>
    backend.approvals.set(id, create(ApprovalSchema, init));
  add("apr_2", {
    metadata: { id: "apr_2", name: "apr_2", resourceVersion: "1", createTime: at(-1) },
    spec: { executionId: "aex_2", tool: "add", server: "notes", arguments: "{}", cause: ApprovalCause.POLICY },
  });
  add("apr_1", {
    metadata: { id: "apr_1", name: "apr_1", resourceVersion: "1", createTime: at(-5) },
    spec: {
      ...{ executionId: "aex_child", rootExecutionId: "aex_root", agent: "writer", tool: "rm", server: "files" },
      ...{ arguments: '{"path":"/"}', cause: ApprovalCause.UNCERTAIN, definitionDigest: "sha256:abc" },
      ...{ expireTime: at(120), onExpiry: ApprovalExpiry.DENY },
    },
    status: { escalateTime: at(-1) },
  });
  add("apr_0", {
    metadata: { id: "apr_0", name: "apr_0", resourceVersion: "1", createTime: at(-9) },
    spec: { executionId: "aex_0" },
    status: { decision: ApprovalDecision.APPROVED },
  });
  const world = await createWorld({ backends: { [URL_OF_BACKEND]: backend.routes }, ...options });
  const decisions = () => backend.requests.filter((request) => String(Object(request).$typeName).includes("Decide"));
  return { world, backend, decisions, run: (...args) => world.run("approval", ...args, "--url", URL_OF_BACKEND) };
}

/** The same with a watch that brings these changes, and then Ctrl-C. */
async function watching(changes: readonly ApprovalChange[], options: WorldOptions = {}): Promise<Scene> {
  const made = await scene(options);
  made.backend.watchApprovals = async function* (_, signal) {
    yield* changes;
    await new Promise((resolve) => setTimeout(resolve, 0));
    made.world.interrupt();
    signal.throwIfAborted();
  };
  return made;
}

function rows(table: string): string[] {
  return table
    .trim()
    .split("\n")
    .map((line) => line.split(/ {3,}/).join("|"));
}
