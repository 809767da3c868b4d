import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { Code } from "@connectrpc/connect";
import { ExecutionPhase, WaitingCause } from "@stigmer/contracts/agentic";
import { describe, expect, it } from "vitest";
import { createBackend, EXECUTION_ID, type FakeBackend, journalOf, refusal } from "../backend.fake.ts";
import { createWorld, URL_OF_BACKEND, type World, type WorldOptions } from "../deps.fake.ts";

const NOW = Date.parse("2026-01-31T12:00:00Z");
const question = { stepKey: "turn/1/tool/c1", text: "Which\x1b[2J colour?", options: ["red", "blue"] };

describe("execution", () => {
  it.each([
    ["pause", "paused"],
    ["resume", "resumed"],
    ["terminate", "terminated"],
    ["retry", "goes on"],
    ["cancel", "cancelled"],
  ])("%s says why, and which", async (verb, done) => {
    const { run, world, backend } = await scene();

    const code = await run(verb, "a1-x", "--comment", "because");

    expect([code, world.stdout()]).toEqual([0, `agentexecution/a1-x ${done}\n`]);
    expect(backend.requests).toMatchObject([{ id: EXECUTION_ID, comment: "because" }]);
  });

  it("cancel says that calls of tools are given time to stop", async () => {
    const { run, world, backend } = await scene();
    backend.execution = { ...backend.execution, status: { cancelDeadline: timestampFromMs(NOW + 10_000) } };

    await run("cancel", "a1-x");

    expect(world.stdout()).toBe("agentexecution/a1-x is being cancelled\n");
  });
});

describe("execution input", () => {
  it.each<[string, WorldOptions, readonly string[], string]>([
    ["--text", {}, ["--text", "green"], "green"],
    ["standard input", { stdin: "green\nor so\n" }, [], "green\nor so"],
    ["a prompt", { isTTY: true, stdin: "\n green \n" }, [], "green"],
    ["a number of a suggested answer", { isTTY: true, stdin: "2\n" }, [], "blue"],
    ["a number that none has", { isTTY: true, stdin: "3\n" }, [], "3"],
  ])("takes the answer from %s, for the question that was shown", async (_, options, args, text) => {
    const { run, world, backend } = await scene(options);

    const code = await run("input", "a1-x", ...args);

    expect([code, world.stdout()]).toEqual([0, "agentexecution/a1-x answered\n"]);
    expect(backend.requests).toMatchObject([{ id: EXECUTION_ID, text, stepKey: question.stepKey }]);
  });

  it("shows the question, and nothing in it that draws on the terminal", async () => {
    const { run, world } = await scene({ isTTY: true, stdin: "1\n" });

    await run("input", "a1-x");

    expect(world.stderr()).toContain("the agent asks\n  Which\\x1b[2J colour?\n  1. red\n  2. blue\n");
  });

  it.each<[string, WorldOptions, number]>([
    ["the input ends", { isTTY: true }, 1],
    ["nothing is piped in", { stdin: "\n" }, 2],
  ])("answers nothing where %s", async (_, options, expected) => {
    const { run, backend } = await scene(options);

    expect([await run("input", "a1-x"), backend.requests]).toEqual([expected, []]);
  });

  it("says where nothing is asked", async () => {
    const { run, world, backend } = await scene({ isTTY: true });
    backend.execution = { ...backend.execution, status: {} };

    expect(await run("input", "a1-x")).toBe(1);
    expect(world.stderr()).toBe("error: execution a1-x asks nothing\nsee why it waits: stigmer execution why a1-x\n");
  });
});

describe("execution fork", () => {
  it("asks for what the options say, and says the new execution's id", async () => {
    const { run, world, backend } = await scene();

    const code = await run("fork", "a1-x", "--at", "4", "--message", "no", "--model", "x/y", "--agent", "b");

    expect([code, world.stdout()]).toEqual([0, `${EXECUTION_ID}\n`]);
    const request = { id: EXECUTION_ID, sequence: 4n, message: "no", model: "x/y", agent: "b" };
    expect(backend.requests).toMatchObject([request]);
    expect(world.stderr()).toContain(`stigmer execution logs -f ${EXECUTION_ID}`);
  });

  it("shares everything unless told", async () => {
    const { run, backend } = await scene();

    await run("fork", "a1-x");

    expect(backend.requests).toMatchObject([{ sequence: 0n, message: "", model: "", agent: "" }]);
  });

  it("shows what it does to its end where it is told to", async () => {
    const { run, world, backend } = await scene();
    backend.journal = journalOf({
      event: { case: "phaseChanged", value: { phase: ExecutionPhase.SUCCEEDED, output: "Hello" } },
    });

    expect([await run("fork", "a1-x", "--follow"), world.stdout()]).toEqual([0, "Hello\n"]);
  });

  it("says which option does not fit", async () => {
    const { run, world, backend } = await scene();
    backend.start = () => {
      throw refusal(Code.InvalidArgument, "INVALID_REQUEST", { fields: { sequence: "is past the end" } });
    };

    expect(await run("fork", "a1-x", "--at", "99")).toBe(2);
    expect(world.stderr()).toBe("error: --at: is past the end\nsee the sequences: stigmer execution logs a1-x\n");
  });

  it.each([[["--at", "0"]], [["--follow", "-o", "yaml"]]])("refuses %j as misused", async (args) => {
    const { run, backend } = await scene();

    expect([await run("fork", "a1-x", ...args), backend.requests]).toEqual([2, []]);
  });
});

describe("execution why", () => {
  const waiting = {
    cause: WaitingCause.APPROVAL,
    since: timestampFromMs(NOW - 3_600_000),
    until: timestampFromMs(NOW + 7_200_000),
    who: "a person",
    message: "rm wants to run\n",
    object: "apr_1",
  };

  it("says phase, cause, since, until, who and what to type", async () => {
    const { run, world, backend } = await scene({ isTTY: true });
    backend.why = { phase: ExecutionPhase.WAITING_FOR_APPROVAL, waiting: [waiting] };

    const code = await run("why", "a1-x");

    expect([code, world.stdout()]).toEqual([
      0,
      [
        "waiting for approval",
        "  waits for approval (apr_1)",
        "  what      rm wants to run\\n",
        "  since     1h ago (2026-01-31T11:00:00.000Z)",
        "  until     in 2h (2026-01-31T14:00:00.000Z)",
        "  who       a person",
        "  next      stigmer approval approve apr_1",
        "",
      ].join("\n"),
    ]);
  });

  it.each<[WaitingCause, string]>([
    [WaitingCause.WORKING, `stigmer execution logs -f ${EXECUTION_ID}`],
    [WaitingCause.RUNNER, "stigmer runner list"],
    [WaitingCause.SESSION, "stigmer execution why aex_2"],
    [WaitingCause.INPUT, `stigmer execution input ${EXECUTION_ID}`],
    [WaitingCause.PAUSED, `stigmer execution resume ${EXECUTION_ID}`],
    [WaitingCause.SUB_AGENT, "stigmer execution why aex_2"],
    [WaitingCause.CANCELLING, `stigmer execution terminate ${EXECUTION_ID}`],
    [99 as WaitingCause, ""],
  ])("says of cause %i what to type, one line for each in a pipe", async (cause, next) => {
    const { run, world, backend } = await scene();
    backend.why = { phase: ExecutionPhase.RUNNING, waiting: [{ cause, object: "aex_2" }] };

    await run("why", "a1-x");

    const cells = world.stdout().slice(0, -1).split("\t");
    expect([cells.length, cells[0], cells.at(-1)]).toEqual([8, "running", next]);
  });

  it.each([
    [ExecutionPhase.SUCCEEDED, "succeeded: it has ended, and waits for nothing\n"],
    [ExecutionPhase.FAILED, `failed: it has ended\n  next    stigmer execution retry ${EXECUTION_ID}\n`],
  ])("says of phase %i that it has ended", async (phase, expected) => {
    const { run, world, backend } = await scene({ isTTY: true });
    backend.why = { phase };

    await run("why", "a1-x");

    expect(world.stdout()).toBe(expected);
  });

  it("writes the contract's JSON", async () => {
    const { run, world, backend } = await scene();
    backend.why = { phase: ExecutionPhase.WAITING_FOR_APPROVAL, waiting: [waiting] };

    await run("why", "a1-x", "-o", "json");

    expect(JSON.parse(world.stdout()).waiting).toMatchObject([{ cause: "WAITING_CAUSE_APPROVAL", object: "apr_1" }]);
  });
});

async function scene(options: WorldOptions = {}): Promise<{
  world: World;
  backend: FakeBackend;
  run: (...args: string[]) => Promise<number>;
}> {
  const backend = createBackend();
  backend.execution = { ...backend.execution, status: { question } };
  const world = await createWorld({ backends: { [URL_OF_BACKEND]: backend.routes }, ...options });
  return { world, backend, run: (...args) => world.run("execution", ...args, "--url", URL_OF_BACKEND) };
}
