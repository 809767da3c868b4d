import { writeFileSync } from "node:fs";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { Code } from "@connectrpc/connect";
import {
  ApprovalCause,
  ApprovalDecision,
  ApprovalExpiry,
  ApprovalSchema,
  ApprovalScope,
  type ExecutionEventSchema,
  ExecutionPhase,
} from "@stigmer/contracts/agentic";
import { describe, expect, it } from "vitest";
import { createBackend, EXECUTION_ID, entryResponse, type FakeBackend, journalOf, refusal } from "../backend.fake.ts";
import { createWorld, URL_OF_BACKEND, type World, type WorldOptions } from "../deps.fake.ts";

type Event = MessageInitShape<typeof ExecutionEventSchema>;

const NOW = Date.parse("2026-01-31T12:00:00Z");
const succeeded: Event = { event: { case: "phaseChanged", value: { phase: ExecutionPhase.SUCCEEDED, output: "ok" } } };
const question = { stepKey: "turn/1/tool/c1", text: "Which colour?", options: ["red", "blue"] };
const asksInput: Event = { stepKey: question.stepKey, event: { case: "inputRequested", value: { question } } };
const answered: Event = {
  stepKey: question.stepKey,
  event: { case: "inputProvided", value: { by: "ada", result: { content: "red" } } },
};

function asks(approvalId: string, spec: object = {}): Event {
  const value = { approvalId, spec: { tool: "rm", server: "files", arguments: '{"path":"/"}', ...spec } };
  return { event: { case: "approvalRequested", value } };
}

function decides(approvalId: string, of: object = {}): Event {
  return { event: { case: "approvalDecided", value: { approvalId, decision: ApprovalDecision.APPROVED, ...of } } };
}

describe("an approval at a terminal", () => {
  const { APPROVED, REJECTED, SKIPPED } = ApprovalDecision;
  it.each<[string, object]>([
    ["t\n", { decision: APPROVED, scope: ApprovalScope.TOOL }],
    ["server\n", { decision: APPROVED, scope: ApprovalScope.SERVER }],
    ["k\n", { decision: SKIPPED }],
    ["n\nwrong file\n", { decision: REJECTED, comment: "wrong file" }],
    ["no: wrong file\n", { decision: REJECTED, comment: "wrong file" }],
    ["n\n\n", { decision: REJECTED, comment: "" }],
    ["yes please\ny\n", { decision: APPROVED, scope: 0, comment: "" }],
  ])("is decided by %j", async (stdin, expected) => {
    const { execute, decisions } = await scene({ journal: [asks("apr_1")], stdin });

    expect([await execute(), decisions()]).toMatchObject([0, [{ id: "apr_1", ...expected }]]);
  });

  it("is one question of several, each asked once, in order", async () => {
    const { execute, decisions, world } = await scene({ journal: [asks("apr_1"), asks("apr_2")], stdin: "y\nn\n\n" });

    expect([await execute(), decisions()]).toMatchObject([0, [{ id: "apr_1" }, { id: "apr_2", decision: REJECTED }]]);
    expect(world.stderr().match(/approval needed \(apr_\d\)/g)).toEqual([
      "approval needed (apr_1)",
      "approval needed (apr_2)",
    ]);
  });

  const policy = { cause: ApprovalCause.POLICY };
  it.each<[string, string, object, string, number]>([
    ["the same tool", "t\n", policy, "covers", 1],
    ["another tool", "t\nk\n", { ...policy, tool: "mv" }, "leaves open", 2],
    ["another tool of the same server", "s\n", { ...policy, tool: "mv" }, "covers", 1],
    ["the same tool with another definition", "t\nk\n", { ...policy, definitionDigest: "x" }, "leaves open", 2],
    ["a call that may have happened", "t\nk\n", { cause: ApprovalCause.UNCERTAIN }, "leaves open", 2],
    ["a sub-agent's call", "s\nk\n", { ...policy, executionId: "aex_child" }, "leaves open", 2],
  ])("of %s: %j with %j %s what is asked already", async (_, stdin, other, __, asked) => {
    const { execute, decisions, world } = await scene({
      journal: [asks("apr_1", policy), asks("apr_2", other)],
      stdin,
    });

    expect([await execute(), decisions().length]).toEqual([0, 2]);
    expect(world.stderr().match(/approval needed/g)?.length).toBe(asked);
  });

  it("leaves the others open too where the person goes", async () => {
    const { execute, decisions, world } = await scene({ journal: [asks("apr_1"), asks("apr_2")], late: "d" });

    expect([await execute(), decisions()]).toEqual([3, []]);
    expect(world.stderr()).not.toContain("approval needed (apr_2)");
  });

  it("is approved with edited arguments, asked again where they do not fit", async () => {
    const texts = ['{"path":1}', '{"path":"/tmp"}'];
    const edit = async ({ command }: { command: readonly string[] }) => {
      writeFileSync(command.at(-1) ?? "", texts.shift() ?? "");
      return 0;
    };
    const made = await scene({ journal: [asks("apr_1")], stdin: "e\ne\n", processes: { run: edit } });
    made.backend.decide = (request) => {
      if (!request.arguments.includes("1")) return;
      throw refusal(Code.InvalidArgument, "INVALID_REQUEST", { fields: { arguments: "path must be a string" } });
    };

    const code = await made.execute();

    expect([code, made.decisions().at(-1)]).toMatchObject([0, { decision: APPROVED, arguments: '{"path":"/tmp"}' }]);
    expect(made.world.stderr()).toContain("error: arguments: path must be a string\n");
  });

  it("of a sub-agent says which one asks, and until when it can be decided", async () => {
    const spec = {
      ...{ executionId: "aex_child", rootExecutionId: EXECUTION_ID, agent: "writer" },
      ...{ expireTime: timestampFromMs(NOW + 300_000), onExpiry: ApprovalExpiry.ESCALATE },
    };
    const { execute, world } = await scene({ journal: [asks("apr_1", spec)], stdin: "y\n" });

    await execute();

    expect(world.stderr()).toContain("  agent      writer (execution aex_child)\n");
    expect(world.stderr()).toContain(
      "  expires    in 5m (2026-01-31T12:05:00.000Z); then it is escalated, and stays open for as long again\n",
    );
  });

  it("is taken back when it expires, and that is said", async () => {
    const expired = decides("apr_1", { decision: ApprovalDecision.EXPIRED });
    const { execute, decisions, world } = await scene({ journal: [asks("apr_1"), expired, succeeded], waits: true });

    expect([await execute(), decisions()]).toEqual([0, []]);
    expect(world.stderr()).toContain("approval apr_1 expired\n");
  });
});

describe("approvals off a terminal", () => {
  it("are shown, all of them, with the command that decides them", async () => {
    const { execute, world, backend } = await scene({ journal: [asks("apr_1"), asks("apr_2")], isTTY: false });
    backend.execution = { ...backend.execution, status: { approvalIds: ["apr_1", "apr_2"] } };

    expect(await execute()).toBe(3);
    expect(world.stderr().match(/approval needed \(apr_\d\)/g)?.length).toBe(2);
    expect(world.stderr()).toContain(
      `error: execution ${EXECUTION_ID} waits for 2 approvals\n` +
        `decide them: stigmer approval approve apr_1 apr_2 (or reject); then follow: stigmer execution logs -f ${EXECUTION_ID}\n`,
    );
  });
});

describe("a question of the agent", () => {
  it.each(["2\n", "blue\n"])("is answered at a terminal by %j", async (stdin) => {
    const { execute, answers, world } = await scene({ journal: [asksInput], stdin });

    expect([await execute(), answers()]).toMatchObject([0, [{ text: "blue", stepKey: question.stepKey }]]);
    expect(world.stderr()).toContain("the agent asks\n  Which colour?\n  1. red\n  2. blue\n");
  });

  it.each(["all", "never"])("is answered at a terminal with --approve %s too", async (mode) => {
    const { execute, answers } = await scene({ journal: [asksInput], stdin: "green\n" });

    expect([await execute("--approve", mode), answers()]).toMatchObject([0, [{ text: "green" }]]);
  });

  it.each(["all", "never", "fail"])("stays open off a terminal with --approve %s", async (mode) => {
    const { execute, answers, world } = await scene({ journal: [asksInput], isTTY: false });

    expect([await execute("--approve", mode), answers()]).toEqual([3, []]);
    expect(world.stderr()).toContain("Which colour?");
    expect(world.stderr()).toContain(`give it: stigmer execution input ${EXECUTION_ID}; then follow: `);
  });

  it("is taken back where somebody else answers", async () => {
    const { execute, answers, world } = await scene({ journal: [asksInput, answered, succeeded], waits: true });

    expect([await execute(), answers()]).toEqual([0, []]);
    expect(world.stderr()).toContain('answered by ada: "red"\n');
  });

  it("that was answered long ago is not asked again", async () => {
    const { execute, backend, world } = await scene({ journal: [asksInput, answered, succeeded] });
    backend.execution = { ...backend.execution, status: {} };

    expect(await execute()).toBe(0);
    expect(world.stderr()).not.toContain("the agent asks");
  });
});

describe("a failure", () => {
  const failed: Event = { event: { case: "phaseChanged", value: { phase: ExecutionPhase.FAILED } } };
  const retried: Event = { event: { case: "retried", value: { by: "ada" } } };

  it("that was retried is not the end", async () => {
    const { execute, world } = await scene({ journal: [failed, retried, succeeded] });

    expect([await execute(), world.stdout()]).toEqual([0, "ok\n"]);
  });
});

describe("a pause", () => {
  const paused: Event = {
    event: { case: "phaseChanged", value: { phase: ExecutionPhase.PAUSED, by: "ada", comment: "lunch" } },
  };
  const resumed: Event = { event: { case: "phaseChanged", value: { phase: ExecutionPhase.PENDING, by: "ada" } } };

  it("is said with how to end it, and followed to its end at a terminal", async () => {
    const { execute, world } = await scene({ journal: [paused, resumed, succeeded] });

    expect(await execute()).toBe(0);
    expect(world.stderr()).toContain(
      `paused by ada: lunch\nit goes on when somebody resumes it: stigmer execution resume ${EXECUTION_ID}\ngoes on: pending by ada\n`,
    );
  });

  it("ends the following off a terminal", async () => {
    const { execute, world } = await scene({ journal: [paused], isTTY: false });

    expect(await execute()).toBe(3);
    expect(world.stderr()).toContain(
      `error: execution ${EXECUTION_ID} is paused\nlet it go on: stigmer execution resume ${EXECUTION_ID}; then follow`,
    );
  });
});

type Scene = WorldOptions & {
  readonly journal: readonly Event[];
  /** Nobody answers at the terminal. */
  readonly waits?: boolean;
  /** What the person says once everything has been asked. */
  readonly late?: string;
};

/** A backend whose execution goes on to succeed once all that it asks is answered. */
async function scene({ journal, waits, late, ...options }: Scene): Promise<{
  world: World;
  backend: FakeBackend;
  execute: (...args: string[]) => Promise<number>;
  decisions: () => unknown[];
  answers: () => unknown[];
}> {
  const backend = createBackend({ journal: journalOf(...journal) });
  backend.execution = { ...backend.execution, status: { question } };
  const sent = (type: string) => backend.requests.filter((request) => String(Object(request).$typeName).endsWith(type));
  const asked = journal.flatMap(({ event }) => (event?.case === "approvalRequested" ? [event.value] : []));
  for (const { approvalId = "", spec } of asked) {
    backend.approvals.set(approvalId, create(ApprovalSchema, { metadata: { id: approvalId }, ...(spec && { spec }) }));
  }
  const isAnswered = (): boolean => {
    const inputs = journal.filter(({ event }) => event?.case === "inputRequested").length;
    const open = [...backend.approvals.values()].filter(({ status }) => !status?.decision);
    return open.length === 0 && sent("ProvideInputRequest").length >= inputs;
  };
  backend.subscribe = async function* (_, signal) {
    yield* backend.journal.map(entryResponse);
    // Whoever reads on has taken in all that came before.
    allAsked.resolve();
    while (!isAnswered() && !signal.aborted) await new Promise(setImmediate);
    yield* journalOf(...journal, succeeded)
      .slice(-1)
      .map(entryResponse);
  };
  const world = await createWorld({ backends: { [URL_OF_BACKEND]: backend.routes }, isTTY: true, ...options });
  const allAsked = Promise.withResolvers<void>();
  const line = async (signal: AbortSignal): Promise<string | undefined> => {
    if (late !== undefined) return await allAsked.promise.then(() => late);
    return await new Promise((resolve) => signal.addEventListener("abort", () => resolve(undefined)));
  };
  const deps = waits || late !== undefined ? { ...world.deps, stdin: { ...world.deps.stdin, line } } : world.deps;
  const execute = async (...args: string[]): Promise<number> => {
    const { runCli } = await import("../cli.ts");
    return await runCli(deps, ["agent", "execute", "a1", "hi", ...args, "--url", URL_OF_BACKEND]);
  };
  const decisions = () => sent("DecideApprovalRequest");
  return { world, backend, execute, decisions, answers: () => sent("ProvideInputRequest") };
}
