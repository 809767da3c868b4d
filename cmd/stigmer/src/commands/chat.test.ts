import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { Code } from "@connectrpc/connect";
import { type AgentExecution, type ExecutionEventSchema, ExecutionPhase } from "@stigmer/contracts/agentic";
import { describe, expect, it } from "vitest";
import { agentOf, createBackend, EXECUTION_ID, entryResponse, journalOf, refusal } from "../backend.fake.ts";
import { createWorld, URL_OF_BACKEND, type WorldOptions } from "../deps.fake.ts";

type Event = MessageInitShape<typeof ExecutionEventSchema>;

const TEXT: readonly [Event, Event] = [
  { event: { case: "created", value: { agent: "a1", model: "x/y" } } },
  {
    event: {
      case: "modelCallFinished",
      value: { message: { parts: [{ part: { case: "text", value: "Hello" } }] }, usage: { inputTokens: 5n } },
    },
  },
];
const ended = (phase: ExecutionPhase): Event => ({ event: { case: "phaseChanged", value: { phase } } });

describe("chat in a pipe", () => {
  it("takes each line as a message, in one session", async () => {
    const { chat, world, started } = await scene({ stdin: "one\n\n/two\n" });

    const code = await chat("a1");

    expect([code, world.stdout(), world.stderr()]).toEqual([0, "Hello\nHello\n", ""]);
    expect(started()).toMatchObject([
      { agent: "a1", message: "one", sessionId: "", workspace: world.home },
      { agent: "a1", message: "/two", sessionId: "ses_1", workspace: "" },
    ]);
  });

  it("ends with the first message that fails", async () => {
    const { chat, started } = await scene({ stdin: "one\ntwo\n", phase: ExecutionPhase.FAILED });

    const code = await chat("a1");

    expect([code, started().length]).toEqual([1, 1]);
  });

  it("writes JSON where it is told to", async () => {
    const { chat, world } = await scene({ stdin: "one\n" });

    await chat("a1", "-o", "json");

    expect(JSON.parse(world.stdout().split("\n")[0] ?? "")).toMatchObject({ sequence: "1" });
  });
});

describe("chat on a terminal", () => {
  it("talks until the person leaves, and says how to go on", async () => {
    const { chat, world, started } = await scene({ isTTY: true, stdin: "hi\nand you?\n/exit\nnever said\n" });

    const code = await chat("a1");

    expect([code, started().map(({ message }) => message)]).toEqual([0, ["hi", "and you?"]]);
    expect(world.stderr()).toContain("go on later: stigmer chat a1 --session ses_1\n");
  });

  it("goes on after an answer that failed", async () => {
    const { chat, world, started } = await scene({ isTTY: true, stdin: "hi\nagain\n", phase: ExecutionPhase.FAILED });

    const code = await chat("a1");

    expect([code, started().length]).toEqual([0, 2]);
    expect(world.stderr()).toContain(`error: execution ${EXECUTION_ID} failed`);
  });

  it("goes on after a message that was refused", async () => {
    const { chat, backend, world } = await scene({ isTTY: true, stdin: "hi\n" });
    backend.start = () => {
      throw refusal(Code.FailedPrecondition, "MODEL_NOT_SET");
    };

    const code = await chat("a1");

    expect(code).toBe(0);
    expect(world.stderr()).toContain("error: MODEL_NOT_SET\nset one: stigmer config set model");
  });

  it("obeys: the model of what comes next, what was used, what there is", async () => {
    const { chat, world, started } = await scene({
      isTTY: true,
      stdin: "/model\n/model nonsense\n/model ollama/qwen3\nhi\n/usage\n/help\n/dance\n//etc is a folder\n",
    });

    await chat("a1");

    expect(started()).toMatchObject([
      { message: "hi", model: "ollama/qwen3" },
      { message: "/etc is a folder", model: "ollama/qwen3" },
    ]);
    for (const said of [
      ...["the agent's own\n", "a model has the form provider/model", "5 tokens in, 0 out"],
      ...["/attach <file>", "there is no /dance; /help says what there is"],
    ]) {
      expect(world.stderr()).toContain(said);
    }
  });

  it("shows the last answer again with all of its calls", async () => {
    const { chat, world } = await scene({ isTTY: true, stdin: "/expand\nhi\n/expand\n" });

    await chat("a1");

    expect(world.stderr()).toContain("nothing has been said yet\n");
    expect(world.stdout().match(/Hello/g)).toHaveLength(2);
  });

  it("refuses to send a file along that is not there", async () => {
    const { chat, world } = await scene({ isTTY: true, stdin: "/attach nowhere.txt\n/attach notes.txt\n" });
    await writeFile(join(world.home, "notes.txt"), "notes");

    await chat("a1");

    expect(world.stderr()).toContain("error: nowhere.txt: no such file\n");
    expect(world.stderr()).toContain("goes along: notes.txt\n");
  });

  it("cancels the answer that comes at the first Ctrl-C, and goes on", async () => {
    const { chat, world, backend } = await scene({ isTTY: true, stdin: "hi\n/exit\n" });
    const [first, second] = journalOf(TEXT[0], ended(ExecutionPhase.CANCELLED)).map(entryResponse);
    const cancelled = Promise.withResolvers<void>();
    const start = backend.start;
    backend.start = () => {
      start?.();
      if (backend.requests.some((request) => isCancel(request))) cancelled.resolve();
    };
    backend.subscribe = async function* () {
      if (first) yield first;
      world.interrupt();
      await cancelled.promise;
      if (second) yield second;
    };

    const code = await chat("a1");

    expect(code).toBe(0);
    expect(world.stderr()).toContain("cancelling; Ctrl-C again leaves it\n");
    expect(world.stderr()).toContain(`error: execution ${EXECUTION_ID} cancelled`);
  });

  it("leaves at the second Ctrl-C, and says that the execution goes on", async () => {
    const { chat, world, backend } = await scene({ isTTY: true, stdin: "hi\nnever said\n" });
    backend.subscribe = async function* (_, signal) {
      world.interrupt();
      world.interrupt();
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
      signal.throwIfAborted();
    };

    const code = await chat("a1");

    expect(code).toBe(130);
    expect(world.stderr()).toContain(`the execution goes on; follow it: stigmer execution logs -f ${EXECUTION_ID}`);
  });
});

describe("the agent of a chat", () => {
  it("is the only one there is", async () => {
    const { chat, backend, started } = await scene({ stdin: "hi\n" });
    backend.agents.set("lonely", agentOf("lonely"));

    await chat();

    expect(started()).toMatchObject([{ agent: "lonely" }]);
  });

  it.each([
    [[], "error: there is no agent to talk to\n"],
    [["a1", "b1"], "error: there are several agents\nname one: a1, b1\n"],
  ])("must be named where there are %j", async (names, stderr) => {
    const { chat, backend, world } = await scene({ stdin: "hi\n" });
    for (const name of names) backend.agents.set(name, agentOf(name));

    const code = await chat();

    expect(code).toBe(2);
    expect(world.stderr()).toContain(stderr);
  });

  it("is the session's where one is named", async () => {
    const { chat, started } = await scene({ stdin: "hi\n" });

    await chat("--session", "mine");

    expect(started()).toMatchObject([{ agent: "of-session", sessionId: "ses_MINE" }]);
  });

  it.each([
    [["a1", "--session", "s", "--workspace", "."]],
    [["a1", "--session", "s", "--env", "e"]],
    [["a1", "-o", "yaml"]],
  ])("refuses %j as misused", async (args) => {
    const { chat, started } = await scene({ stdin: "hi\n" });

    expect([await chat(...args), started()]).toEqual([2, []]);
  });
});

type Setting = Pick<WorldOptions, "stdin" | "isTTY"> & { readonly phase?: ExecutionPhase };

async function scene({ phase = ExecutionPhase.SUCCEEDED, ...options }: Setting) {
  const backend = createBackend({ journal: journalOf(...TEXT, ended(phase)) });
  backend.execution = { ...backend.execution, spec: { agent: "a1", sessionId: "ses_1" } };
  const world = await createWorld({ ...options, backends: { [URL_OF_BACKEND]: backend.routes } });
  const started = () =>
    backend.requests.flatMap((request) => {
      const { spec } = request as AgentExecution;
      return spec?.message === undefined ? [] : [spec];
    });
  const chat = (...args: string[]) => world.run("chat", ...args, "--url", URL_OF_BACKEND);
  return { backend, world, chat, started };
}

function isCancel(request: unknown): boolean {
  return typeof request === "object" && request !== null && "id" in request && request.id === EXECUTION_ID;
}
