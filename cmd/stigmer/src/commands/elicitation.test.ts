import { create, type MessageInitShape } from "@bufbuild/protobuf";
import {
  ApprovalCause,
  ApprovalDecision,
  ApprovalSchema,
  type ApprovalSpecSchema,
  type ExecutionEventSchema,
  ExecutionPhase,
} from "@stigmer/contracts/agentic";
import { describe, expect, it } from "vitest";
import { createBackend, entryResponse, type FakeBackend, journalOf } from "../backend.fake.ts";
import { createWorld, URL_OF_BACKEND, type World, type WorldOptions } from "../deps.fake.ts";

type Event = MessageInitShape<typeof ExecutionEventSchema>;
type Spec = MessageInitShape<typeof ApprovalSpecSchema>;

const { APPROVED, REJECTED, SKIPPED } = ApprovalDecision;
const SCHEMA = JSON.stringify({
  type: "object",
  properties: { color: { type: "string", enum: ["red", "blue"] }, count: { type: "integer", default: 1 } },
  required: ["color"],
});
const ASKED: Spec = {
  ...{ cause: ApprovalCause.ELICITATION, tool: "paint", server: "files", message: "Which \u001b[31mcolor?" },
  ...{ inputSchema: SCHEMA, elicitationId: "q1", executionId: "aex_1" },
};
const OPEN: Spec = { ...ASKED, url: "https://example.org/sign", inputSchema: "" };

describe("a tool server's question at a terminal", () => {
  it.each<[string, string, Spec, object]>([
    [
      "a form that is filled in",
      "y\nblue\n2\n",
      ASKED,
      { decision: APPROVED, arguments: '{"color":"blue","count":2}' },
    ],
    ["what is preset", "y\n1\n\n", ASKED, { decision: APPROVED, arguments: '{"color":"red","count":1}' }],
    ["a no", "n\n", ASKED, { decision: REJECTED }],
    ["a skip", "k\n", ASKED, { decision: SKIPPED }],
    ["a word that is none, then no", "t\nn\n", ASKED, { decision: REJECTED }],
    ["a yes where there is a URL to open", "y\n", OPEN, { decision: APPROVED, arguments: "" }],
  ])("is answered by %s", async (_, stdin, spec, expected) => {
    const { execute, decisions } = await attended({ spec, stdin });

    expect([await execute(), decisions()]).toMatchObject([0, [{ id: "apr_1", scope: 0, ...expected }]]);
  });

  it("is shown with what it asks for, and can't draw on the terminal", async () => {
    const { execute, world } = await attended({ spec: ASKED, stdin: "n\n" });

    await execute();

    expect(world.stderr()).toContain("it asks    Which \\x1b[31mcolor?");
    expect(world.stderr()).toContain("color (one of 1 red, 2 blue)");
    expect(world.stderr()).toContain("a tool server asks; what it says is its own word");
  });

  it("shows a URL, and opens nothing", async () => {
    const { execute, world } = await attended({ spec: OPEN, stdin: "k\n" });

    await execute();

    expect(world.stderr()).toContain("open       https://example.org/sign");
  });

  it("is skipped where all is approved unseen: nobody fills in its form", async () => {
    const { execute, decisions } = await attended({ spec: ASKED, isTTY: false });

    expect([await execute("--approve", "all"), decisions()]).toMatchObject([0, [{ decision: SKIPPED }]]);
  });
});

describe("approval approve", () => {
  it("asks for what a form asks for, on a terminal", async () => {
    const { run, decisions } = await inbox({ spec: ASKED, stdin: "blue\n\n", isTTY: true });

    expect([await run("approve", "apr_1"), decisions()]).toMatchObject([
      0,
      [{ arguments: '{"color":"blue","count":1}' }],
    ]);
  });

  it("takes what is given, and asks for nothing", async () => {
    const { run, decisions } = await inbox({ spec: ASKED });

    expect([await run("approve", "apr_1", "--arguments", '{"color":"red"}'), decisions()]).toMatchObject([
      0,
      [{ arguments: '{"color":"red"}' }],
    ]);
  });

  it("refuses a form that nobody fills in off a terminal, and says how to give it", async () => {
    const { run, decisions, world } = await inbox({ spec: ASKED });

    expect([await run("approve", "apr_1"), decisions()]).toEqual([2, []]);
    expect(world.stderr()).toContain("--arguments");
  });

  it("decides nothing where the person goes", async () => {
    const { run, decisions } = await inbox({ spec: ASKED, stdin: "blue\n", isTTY: true });

    expect([await run("approve", "apr_1"), decisions()]).toEqual([1, []]);
  });

  it("asks for nothing where there is a URL to open, nor does a rejection", async () => {
    const { run, decisions } = await inbox({ spec: OPEN });

    expect([await run("approve", "apr_1"), await run("reject", "apr_1")]).toEqual([0, 0]);
    expect(decisions()).toMatchObject([{ arguments: "" }, { decision: REJECTED }]);
  });
});

it("is shown by approval show with message, URL and form, and by approval list with its message", async () => {
  const form = await inbox({ spec: ASKED, isTTY: true });
  const url = await inbox({ spec: OPEN });

  await form.run("show", "apr_1");
  await form.run("list");
  await url.run("show", "apr_1");

  expect(form.world.stdout()).toContain("it asks           Which \\x1b[31mcolor?\n");
  expect(form.world.stdout()).toContain("    count (optional whole number, unless told 1)\n");
  expect(form.world.stdout()).toMatch(/apr_1 .*Which .*elicitation/);
  expect(url.world.stdout()).toContain("open\thttps://example.org/sign\n");
});

type Scene = WorldOptions & { readonly spec: Spec };

async function inbox({ spec, ...options }: Scene) {
  const backend = createBackend();
  backend.approvals.set("apr_1", approval(spec));
  const world = await createWorld({ backends: { [URL_OF_BACKEND]: backend.routes }, ...options });
  const run = (...args: string[]) => world.run("approval", ...args, "--url", URL_OF_BACKEND);
  return { world, run, decisions: () => decisionsOf(backend) };
}

/** An execution that goes on to succeed once the question is answered. */
async function attended({ spec, ...options }: Scene): Promise<{
  world: World;
  execute: (...args: string[]) => Promise<number>;
  decisions: () => unknown[];
}> {
  const asks: Event = { event: { case: "approvalRequested", value: { approvalId: "apr_1", spec } } };
  const done: Event = { event: { case: "phaseChanged", value: { phase: ExecutionPhase.SUCCEEDED, output: "ok" } } };
  const backend = createBackend({ journal: journalOf(asks) });
  backend.approvals.set("apr_1", approval(spec));
  backend.subscribe = async function* (_, signal) {
    yield* backend.journal.map(entryResponse);
    while (decisionsOf(backend).length === 0 && !signal.aborted) await new Promise(setImmediate);
    yield* journalOf(asks, done).slice(-1).map(entryResponse);
  };
  const world = await createWorld({ backends: { [URL_OF_BACKEND]: backend.routes }, isTTY: true, ...options });
  const execute = (...args: string[]) => world.run("agent", "execute", "a1", "hi", ...args, "--url", URL_OF_BACKEND);
  return { world, execute, decisions: () => decisionsOf(backend) };
}

function approval(spec: Spec) {
  return create(ApprovalSchema, { metadata: { id: "apr_1", name: "apr_1", resourceVersion: "1" }, spec });
}

function decisionsOf({ requests }: FakeBackend): unknown[] {
  return requests.filter((request) => String(Object(request).$typeName).includes("Decide"));
}
