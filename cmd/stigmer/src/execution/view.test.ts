import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { CallRestartedSchema, ExecutionEventSchema, ExecutionPhase, TextDeltaSchema } from "@stigmer/contracts/agentic";
import { describe, expect, it } from "vitest";
import { paintFor } from "../output/paint.ts";
import type { Item } from "./cursor.ts";
import { EMPTY_VIEW, type Notice, render } from "./view.ts";

type Event = NonNullable<MessageInitShape<typeof ExecutionEventSchema>["event"]>;

const paint = paintFor({ isTTY: false, columns: 80, write: async () => {} }, {});
const started: Event = { case: "modelCallStarted", value: { model: "openai/gpt-5" } };

describe("the text of a model", () => {
  it("goes to stdout as it comes, once, and ends its line", () => {
    const { stdout, stderr } = show(entry(started), delta("Hel"), delta("lo"), entry(finished("Hello")));

    expect([stdout, stderr]).toEqual(["Hello\n", ""]);
  });

  it("is written whole where no part of it came", () => {
    const { stdout } = show(entry(started), entry(finished("Hello\n")));

    expect(stdout).toBe("Hello\n");
  });

  it("is completed by the closing entry where its end did not come", () => {
    const { stdout } = show(entry(started), delta("Hel"), entry(finished("Hello")));

    expect(stdout).toBe("Hello\n");
  });

  it("is declared void where the call begins anew", () => {
    const { log } = show(entry(started), delta("Once"), restarted(), delta("Twice"), entry(finished("Twice")));

    expect(log).toEqual([
      "out:Once",
      "out:\n",
      "err:(the model began again; the text above does not count)\n",
      "out:Twice",
      "out:\n",
    ]);
  });

  it("is declared void where another try is recorded", () => {
    const { stdout, stderr } = show(entry(started), delta("Once"), entry(started), entry(finished("Twice")));

    expect([stdout, stderr]).toEqual(["Once\nTwice\n", "(the model began again; the text above does not count)\n"]);
  });

  it("is written again where the closing entry has another text", () => {
    const { stdout, stderr } = show(entry(started), delta("Helo"), entry(finished("Hello")));

    expect([stdout, stderr]).toEqual(["Helo\nHello\n", "(the model began again; the text above does not count)\n"]);
  });

  it("can't draw on the terminal", () => {
    const { stdout } = show(
      entry(started),
      delta("a\x1b[2J"),
      delta("b\r"),
      delta("\nc\r"),
      entry(finished("a\x1b[2Jb\r\nc\r")),
    );

    expect(stdout).toBe("a\\x1b[2Jb\nc\\r\n");
  });

  it("of several calls stands on lines of its own", () => {
    const { stdout } = show(
      entry(started),
      delta("One"),
      entry(finished("One")),
      entry(started),
      entry(finished("Two")),
    );

    expect(stdout).toBe("One\nTwo\n");
  });
});

describe("a script instead of a model", () => {
  const notice = "(scripted model: no AI is involved)\n";

  it("is said once, before its text", () => {
    const { log } = show(
      entry({ case: "created", value: { model: "scripted/demo" } }),
      entry(started),
      delta("Hi"),
      entry(finished("Hi", true)),
      entry(finished("Ho", true)),
    );

    expect(log).toEqual([`err:${notice}`, "out:Hi", "out:\n", "out:Ho", "out:\n"]);
  });

  it("is said where only the answer says so", () => {
    const { stderr } = show(entry({ case: "created", value: { model: "x/y" } }), entry(finished("Hi", true)));

    expect(stderr).toBe(notice);
  });
});

describe("tool calls", () => {
  const listed: Event = {
    case: "toolsListed",
    value: { tools: [{ name: "notes_append", server: "notes", tool: "append_note" }] },
  };
  const call = { id: "c1", name: "notes_append", arguments: '{"text":"\u001b[31m hi"}' };
  const asked: Event = {
    case: "modelCallFinished",
    value: { message: { parts: [{ part: { case: "toolCall", value: call } }] } },
  };

  it("take one line each on stderr, by the names that a person knows", () => {
    const { stdout, stderr } = show(
      entry(listed),
      entry(asked),
      entry({ case: "toolCallStarted", value: { call, server: "notes" } }),
      entry({ case: "toolCallFinished", value: { result: { callId: "c1", content: "done\nwell" }, latencyMs: 12n } }),
    );

    expect([stdout, stderr]).toEqual([
      "",
      '→ notes.append_note {"text":"\\x1b[31m hi"}\n✓ notes.append_note (12 ms) done\\nwell\n',
    ]);
  });

  it("say that they failed, also where none was begun", () => {
    const { stderr } = show(
      entry(listed),
      entry(asked),
      entry({ case: "toolCallFinished", value: { result: { callId: "c1", content: "no", isError: true } } }),
    );

    expect(stderr).toBe("✗ notes.append_note (0 ms) no\n");
  });

  it("may be named like a property of every object", () => {
    const { stderr } = show(
      entry({ case: "toolCallStarted", value: { call: { id: "constructor", name: "toString" } } }),
      entry({ case: "toolCallFinished", value: { result: { callId: "constructor" } } }),
    );

    expect(stderr).toBe("→ toString\n✗  (0 ms)\n".replace("✗", "✓"));
  });
});

describe("a sub-agent", () => {
  const call = { id: "c1", name: "writer", arguments: '{"task":"a\\u001b"}' };
  const wants: Event = {
    case: "modelCallFinished",
    value: { message: { parts: [{ part: { case: "toolCall", value: call } }] } },
  };
  const startedAs: Event = { case: "subAgentStarted", value: { call, agent: "writer", executionId: "aex_2" } };

  it.each([
    [ExecutionPhase.SUCCEEDED, "✓ writer (aex_2 succeeded) done\\nwell\n"],
    [ExecutionPhase.FAILED, "✗ writer (aex_2 failed) done\\nwell\n"],
  ])("takes one line when it starts, and one when it ends in phase %i", (phase, line) => {
    const result = { callId: "c1", content: "done\nwell" };
    const ended: Event = { case: "subAgentEnded", value: { executionId: "aex_2", phase, result } };

    const { stdout, stderr } = show(entry(wants), entry(startedAs), entry(ended));

    expect([stdout, stderr]).toEqual(["", `→ writer as aex_2 {"task":"a\\u001b"}\n${line}`]);
  });
});

describe("what people do", () => {
  it.each<[string, Event[]]>([
    [
      "paused by ada\ngoes on: running by bob\n",
      [phase(ExecutionPhase.PAUSED, "ada"), phase(ExecutionPhase.RUNNING, "bob"), phase(ExecutionPhase.RUNNING, "")],
    ],
    ["", [phase(ExecutionPhase.PENDING, "ada")]],
    ["", [{ case: "historyBound", value: { messageHashes: [] } }]],
    ["cancel requested by ada\n", [{ case: "cancelRequested", value: { by: "ada" } }]],
    ["retried by ada\n", [{ case: "retried", value: { by: "ada" } }]],
    [
      "approval apr_1 was not decided in time: escalated\n",
      [{ case: "approvalEscalated", value: { approvalId: "apr_1" } }],
    ],
  ])("is said below what the model says: %j", (expected, events) => {
    const { stdout, stderr } = show(entry(started), delta("Hi"), ...events.map(entry));

    expect([stdout.trimEnd(), stderr]).toEqual(["Hi", expected]);
  });
});

describe("notices", () => {
  it("say who must be asked, and who was", () => {
    const { notices } = show(
      entry({ case: "approvalRequested", value: { approvalId: "apr_1", spec: { tool: "t" } } }),
      entry({ case: "approvalDecided", value: { approvalId: "apr_1" } }),
    );

    expect(notices).toMatchObject([
      { kind: "asked", approvalId: "apr_1", spec: { tool: "t" } },
      { kind: "decided", approvalId: "apr_1" },
    ]);
  });

  it("say how it ended", () => {
    const { notices, stdout } = show(entry(finished("Hi")), entry(end(ExecutionPhase.SUCCEEDED, "Hi")));

    expect([notices.map(({ kind }) => kind), stdout]).toEqual([["ended"], "Hi\n"]);
  });

  it("come with the answer where nobody has shown it", () => {
    const { stdout } = show(entry(end(ExecutionPhase.SUCCEEDED, "Hi")));

    expect(stdout).toBe("Hi\n");
  });

  it("pass over phases that end nothing", () => {
    const { notices } = show(entry(end(ExecutionPhase.WAITING_FOR_APPROVAL, "")));

    expect(notices).toEqual([]);
  });
});

function show(...items: Item[]) {
  let view = EMPTY_VIEW;
  const log: string[] = [];
  const notices: Notice[] = [];
  for (const item of items) {
    const rendered = render(view, item, paint);
    view = rendered.view;
    log.push(...rendered.outputs.map(({ to, text }) => `${to === "stdout" ? "out" : "err"}:${text}`));
    if (rendered.notice) notices.push(rendered.notice);
  }
  const of = (stream: string) =>
    log
      .filter((line) => line.startsWith(stream))
      .map((line) => line.slice(4))
      .join("");
  return { log, notices, stdout: of("out:"), stderr: of("err:") };
}

function entry(event: Event): Item {
  return { kind: "entry", sequence: 1, event: create(ExecutionEventSchema, { event }) };
}

function finished(text: string, scripted = false): Event {
  return {
    case: "modelCallFinished",
    value: { message: { parts: [{ part: { case: "text", value: text } }] }, scripted },
  };
}

function end(phase: ExecutionPhase, output: string): Event {
  return { case: "phaseChanged", value: { phase, output } };
}

function phase(of: ExecutionPhase, by: string): Event {
  return { case: "phaseChanged", value: { phase: of, by } };
}

function delta(text: string): Item {
  return { kind: "delta", delta: create(TextDeltaSchema, { text, attempt: 1 }) };
}

function restarted(): Item {
  return { kind: "restarted", restarted: create(CallRestartedSchema, { attempt: 2 }) };
}
