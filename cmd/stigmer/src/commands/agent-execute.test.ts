import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import {
  type AgentExecution,
  ApprovalDecision,
  ApprovalSchema,
  type DecideApprovalRequest,
  type ExecutionEventSchema,
  ExecutionPhase,
  type SubscribeRequest,
} from "@stigmer/contracts/agentic";
import { describe, expect, it } from "vitest";
import {
  createBackend,
  deltaResponse,
  EXECUTION_ID,
  entryResponse,
  type FakeBackend,
  journalOf,
  refusal,
} from "../backend.fake.ts";
import { createWorld, URL_OF_BACKEND, type World, type WorldOptions } from "../deps.fake.ts";

type Event = MessageInitShape<typeof ExecutionEventSchema>;

const stepKey = "turn/1/model";
const hello: Event[] = [
  { event: { case: "created", value: { agent: "a1", model: "openai/gpt-5" } } },
  { stepKey, attempt: 1, event: { case: "modelCallStarted", value: {} } },
  {
    stepKey,
    attempt: 1,
    event: {
      case: "modelCallFinished",
      value: { message: { parts: [{ part: { case: "text", value: "Hello" } }] }, finishReason: 1 },
    },
  },
];
const succeeded: Event = {
  event: { case: "phaseChanged", value: { phase: ExecutionPhase.SUCCEEDED, output: "Hello" } },
};
const asking: Event = {
  event: {
    case: "approvalRequested",
    value: { approvalId: "apr_1", spec: { tool: "rm", server: "files", arguments: '{"path":"/"}' } },
  },
};

describe("execute", () => {
  it("writes the model's text to stdout and all else to stderr", async () => {
    const { world } = await scene({ journal: [...hello, succeeded] });

    const code = await execute(world, "hi");

    expect([code, world.stdout(), world.stderr()]).toEqual([0, "Hello\n", `execution ${EXECUTION_ID}\n`]);
  });

  it("asks for what the options say", async () => {
    const { world, backend } = await scene({ journal: [...hello, succeeded] });

    await execute(world, "hi", "--model", "x/y", "--workspace", ".");

    expect((backend.requests[0] as AgentExecution).spec).toMatchObject({
      agent: "a1",
      message: "hi",
      model: "x/y",
      workspace: world.home,
      sessionId: "",
    });
  });

  it.each([
    [["--plan"], true],
    [[], false],
  ])("begins in plan mode where it is told so: %s", async (options, planFirst) => {
    const { world, backend } = await scene({ journal: [...hello, succeeded] });

    await execute(world, "hi", ...options);

    expect((backend.requests[0] as AgentExecution).spec?.planFirst).toBe(planFirst);
  });

  it("leaves the workspace to a session that has one", async () => {
    const { world, backend } = await scene({ journal: [...hello, succeeded] });

    await execute(world, "hi", "--session", "ses_1");

    expect((backend.requests[0] as AgentExecution).spec).toMatchObject({ sessionId: "ses_1", workspace: "" });
  });

  it.each(["a1-x", "session/a1-x"])("finds a session by its name: %s", async (session) => {
    const { world, backend } = await scene({ journal: [...hello, succeeded] });

    await execute(world, "hi", "--session", session);

    expect((backend.requests[0] as AgentExecution).spec?.sessionId).toBe("ses_A1-X");
  });

  it.each([
    [
      "REFERENCE_NOT_FOUND",
      "spec.agent",
      "error: no such thing\nsee what is there: stigmer list agents, stigmer list mcpservers\n",
    ],
    ["INVALID_REQUEST", "spec.model", "error: --model: no such thing\nsee how: stigmer agent execute --help\n"],
  ])("says of %s at %s what the user wrote, not what was sent", async (reason, field, stderr) => {
    const { world, backend } = await scene({ journal: [] });
    backend.start = () => {
      throw refusal(Code.InvalidArgument, reason, { fields: { [field]: "no such thing" } });
    };

    const code = await execute(world, "hi");

    expect([code, world.stderr()]).toEqual([2, stderr]);
  });

  it.each([[["-"]], [[]]])("reads the message from standard input: %j", async (args) => {
    const { world, backend } = await scene({ journal: [...hello, succeeded], stdin: "from\nstdin\n" });

    await execute(world, ...args);

    expect((backend.requests[0] as AgentExecution).spec?.message).toBe("from\nstdin");
  });

  it.each([
    [["hi", "--session", "s", "--workspace", "."]],
    [["hi", "--workspace", "nowhere"]],
    [[]],
    [["hi", "-o", "yaml"]],
  ])("refuses %j as misused", async (args) => {
    const { world, backend } = await scene({ journal: [] });

    const code = await execute(world, ...args);

    expect([code, backend.requests]).toEqual([2, []]);
  });

  it("leaves it to itself where it is told to", async () => {
    const { world, backend } = await scene({ journal: [] });

    const code = await execute(world, "hi", "--detach");

    expect([code, world.stdout(), backend.requests.length]).toEqual([0, `${EXECUTION_ID}\n`, 1]);
    expect(world.stderr()).toContain(`stigmer execution logs -f ${EXECUTION_ID}`);
  });

  it("writes one line of JSON per event where it is told to", async () => {
    const { world } = await scene({ journal: [...hello, succeeded] });

    const code = await execute(world, "hi", "-o", "json");

    const lines = world
      .stdout()
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect([code, lines.length]).toEqual([0, 4]);
    expect(lines[3]).toMatchObject({
      sequence: "4",
      event: { phaseChanged: { phase: "EXECUTION_PHASE_SUCCEEDED", output: "Hello" } },
    });
  });

  it("fails with the reason and what to do where the execution failed", async () => {
    const error = { reason: "MODEL_NOT_SET", message: "no model\x1b[2J" };
    const failed: Event = { event: { case: "phaseChanged", value: { phase: ExecutionPhase.FAILED, error } } };
    const { world } = await scene({ journal: [failed] });

    const code = await execute(world, "hi");

    expect([code, world.stdout()]).toEqual([1, ""]);
    expect(world.stderr()).toContain(`error: execution ${EXECUTION_ID} failed: MODEL_NOT_SET: no model\\x1b[2J\n`);
    expect(world.stderr()).toContain("stigmer config set model");
  });
});

describe("a question", () => {
  const journal = [...hello, asking];

  it("stays open off a terminal, and is shown with how to answer it", async () => {
    const { world, decisions } = await scene({ journal, open: true });

    const code = await execute(world, "hi");

    expect([code, decisions()]).toEqual([3, []]);
    expect(world.stderr()).toContain("stigmer approval approve apr_1");
    expect(world.stderr()).toContain('"path": "/"');
  });

  it.each([
    ["all", ApprovalDecision.APPROVED],
    ["never", ApprovalDecision.REJECTED],
  ])("is answered by --approve %s", async (mode, decision) => {
    const { world, decisions } = await scene({ journal, open: true });

    const code = await execute(world, "hi", "--approve", mode);

    expect([code, decisions()]).toEqual([0, [["apr_1", decision]]]);
  });

  it.each([
    ["y\n", ApprovalDecision.APPROVED],
    ["what\nNO\n", ApprovalDecision.REJECTED],
  ])("is answered at a terminal by %j", async (stdin, decision) => {
    const { world, decisions } = await scene({ journal, open: true, isTTY: true, stdin });

    const code = await execute(world, "hi");

    expect([code, decisions()]).toEqual([0, [["apr_1", decision]]]);
  });

  it.each(["d\n", ""])("stays open where the person goes: %j", async (stdin) => {
    const { world, decisions } = await scene({ journal, open: true, isTTY: true, stdin });

    const code = await execute(world, "hi");

    expect([code, decisions()]).toEqual([3, []]);
    expect(world.stderr().match(/approval needed/g)?.length).toBe(1);
    expect(world.stderr()).not.toContain("error:");
  });

  it("that was answered long ago is not asked again", async () => {
    const decided: Event = { event: { case: "approvalDecided", value: { approvalId: "apr_1" } } };
    const { world, decisions } = await scene({ journal: [...journal, decided, succeeded], isTTY: true });

    const code = await execute(world, "hi");

    expect([code, decisions()]).toEqual([0, []]);
    expect(world.stderr()).not.toContain("approval needed");
  });

  it("is taken back where somebody else answers", async () => {
    const decided: Event = { event: { case: "approvalDecided", value: { approvalId: "apr_1" } } };
    const { world, decisions } = await scene({ journal: [...journal, decided, succeeded], open: true, isTTY: true });
    const waiting = { ...world.deps.stdin, line: waitForAbort };

    const { runCli } = await import("../cli.ts");
    const code = await runCli({ ...world.deps, stdin: waiting }, [
      "agent",
      "execute",
      "a1",
      "hi",
      "--url",
      URL_OF_BACKEND,
    ]);

    expect([code, decisions()]).toEqual([0, []]);
  });
});

describe("a broken connection", () => {
  it("loses and repeats nothing, in the middle of a text", async () => {
    const { world, backend } = await scene({ journal: [...hello, succeeded] });
    const [created, started, finished, end] = backend.journal.map(entryResponse);
    const streams = [
      [created, started, deltaResponse("Hel", 0)],
      [deltaResponse("l", 3), "broken"],
      [deltaResponse("lo", 3), finished, end],
    ];
    backend.subscribe = async function* () {
      for (const response of streams.shift() ?? []) {
        if (response === "broken") throw new ConnectError("reset", Code.Unavailable);
        if (response && typeof response !== "string") yield response;
      }
    };

    const code = await execute(world, "hi");

    const asked = backend.requests.slice(1).map((request) => request as SubscribeRequest);
    expect([code, world.stdout()]).toEqual([0, "Hello\n"]);
    expect(asked.map(({ fromSequence, fromOffset }) => [fromSequence, fromOffset])).toEqual([
      [1n, 0n],
      [3n, 3n],
      [3n, 4n],
    ]);
    expect(world.stderr()).toContain("connection lost; trying again\nconnected again\n");
  });

  it("stands below what the model has said on a terminal", async () => {
    const { world, backend } = await scene({ journal: [...hello, succeeded], isTTY: true });
    const streams = [2, 4];
    backend.subscribe = async function* ({ fromSequence }) {
      yield* backend.journal.map(entryResponse).slice(Number(fromSequence) - 1, streams.shift());
      if (streams.length === 0) return;
      yield deltaResponse("Hel", 0);
      throw new ConnectError("reset", Code.Unavailable);
    };

    const code = await execute(world, "hi");

    expect([code, world.stdout()]).toEqual([0, "Hel\nlo\n"]);
  });

  it("is given up after a minute, saying how to come back", async () => {
    const { world, backend } = await scene({ journal: hello });
    backend.subscribe = async function* () {
      yield* backend.journal.map(entryResponse).slice(0, world.stdout() ? 0 : 3);
      throw new ConnectError("reset", Code.Unavailable);
    };

    const before = world.deps.clock.monotonic();
    const code = await execute(world, "hi");

    expect([code, world.stdout()]).toEqual([4, "Hello\n"]);
    expect(world.deps.clock.monotonic() - before).toBeGreaterThanOrEqual(60_000);
    expect(world.stderr()).toContain(`stigmer execution logs -f ${EXECUTION_ID}`);
  });

  it("is not what a refusal is", async () => {
    const { world, backend } = await scene({ journal: hello });
    backend.subscribe = () => {
      throw refusal(Code.NotFound, "RESOURCE_NOT_FOUND", { message: "gone" });
    };

    expect([await execute(world, "hi"), backend.requests.length]).toEqual([1, 2]);
  });
});

it("stops following at Ctrl-C, says how to come back, and exits 130", async () => {
  const { world, backend } = await scene({ journal: hello });
  backend.subscribe = async function* (_, signal) {
    yield* backend.journal.map(entryResponse).slice(0, 2);
    yield deltaResponse("Hel", 0);
    world.interrupt();
    await waitForAbort(signal);
  };

  const code = await execute(world, "hi");

  expect([code, world.stdout()]).toEqual([130, "Hel\n"]);
  expect(world.stderr()).toContain(`stigmer execution cancel ${EXECUTION_ID}`);
  expect(world.stderr()).not.toContain("error");
});

type Scene = WorldOptions & { readonly journal: readonly Event[]; readonly open?: boolean };

/** A backend whose execution goes on to succeed once its approval, if it has one, is decided. */
async function scene(of: Scene): Promise<{ world: World; backend: FakeBackend; decisions: () => unknown[] }> {
  const backend = createBackend({ journal: journalOf(...of.journal) });
  const decision = of.open ? ApprovalDecision.UNSPECIFIED : ApprovalDecision.APPROVED;
  backend.approvals.set("apr_1", create(ApprovalSchema, { metadata: { id: "apr_1" }, status: { decision } }));
  backend.subscribe = async function* (_, signal) {
    yield* backend.journal.map(entryResponse);
    while (!backend.approvals.get("apr_1")?.status?.decision && !signal.aborted) await new Promise(setImmediate);
    if (of.journal.some(({ event }) => event?.case === "phaseChanged")) return;
    yield* journalOf(...of.journal, succeeded)
      .slice(-1)
      .map(entryResponse);
  };
  const world = await createWorld({ backends: { [URL_OF_BACKEND]: backend.routes }, ...of });
  const decisions = (): unknown[] =>
    backend.requests
      .filter((request) => (request as DecideApprovalRequest).$typeName.endsWith("DecideApprovalRequest"))
      .map((request) => [(request as DecideApprovalRequest).id, (request as DecideApprovalRequest).decision]);
  return { world, backend, decisions };
}

async function execute(world: World, ...args: string[]): Promise<number> {
  return await world.run("agent", "execute", "a1", ...args, "--url", URL_OF_BACKEND);
}

function waitForAbort(signal: AbortSignal): Promise<undefined> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(undefined);
    signal.addEventListener("abort", () => resolve(undefined));
  });
}
