import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import {
  ApprovalCause,
  ApprovalSchema,
  type ExecutionEventSchema,
  ExecutionPhase,
  TodoState,
} from "@stigmer/contracts/agentic";
import { createTerminal } from "@stigmer/standins/terminal";
import { describe, expect, it } from "vitest";
import { createBackend, deltaResponse, EXECUTION_ID, entryResponse, journalOf } from "../backend.fake.ts";
import { createWorld, URL_OF_BACKEND, type WorldOptions } from "../deps.fake.ts";

type Event = MessageInitShape<typeof ExecutionEventSchema>;

const START = Date.parse("2026-01-31T12:00:00Z");
const CONTENT = '{"path":"a.md","content":"new\\n"}';

const created = (workspace: string): Event => ({
  time: timestampFromMs(START),
  event: { case: "created", value: { agent: "a1", model: "openai/gpt-5", workspace } },
});
const started: Event = { stepKey: "turn/1/model", attempt: 1, event: { case: "modelCallStarted", value: {} } };
const answered: Event = {
  stepKey: "turn/1/model",
  attempt: 1,
  event: {
    case: "modelCallFinished",
    value: {
      message: { parts: [{ part: { case: "text", value: "# Title\n\nSome **text**" } }] },
      usage: { inputTokens: 12n, outputTokens: 3n, costMicros: 42n },
    },
  },
};
const succeeded: Event = {
  time: timestampFromMs(START + 2500),
  event: { case: "phaseChanged", value: { phase: ExecutionPhase.SUCCEEDED } },
};
const call = { id: "c1", name: "files__write_file", arguments: CONTENT };
const wants: Event = {
  event: { case: "modelCallFinished", value: { message: { parts: [{ part: { case: "toolCall", value: call } }] } } },
};
const called: Event[] = [
  { event: { case: "toolCallStarted", value: { call, server: "files" } } },
  { event: { case: "toolCallFinished", value: { result: { callId: "c1", content: "well\ndone" }, latencyMs: 7n } } },
];

describe("an execution on a terminal", () => {
  it("shows the model's text laid out, and what it took", async () => {
    const { execute, terminal } = await scene({ events: () => [created(""), started, answered, succeeded] });

    const code = await execute("hi");

    expect([code, terminal.text().split("\n").slice(1)]).toEqual([
      0,
      ["# Title", "", "Some **text**", "12 tokens in, 3 out · $0.000042 · 2.5 s"],
    ]);
  });

  it("shows a call on one line, after what it does to a file", async () => {
    const { execute, terminal } = await scene({ events: (folder) => [created(folder), wants, ...called, succeeded] });

    await execute("hi");

    expect(terminal.text().split("\n").slice(1)).toEqual([
      ...["    a.md +1 -1", "    - old", "    + new"],
      "✓ files__write_file (7 ms) well\\ndone",
    ]);
  });

  it("shows all that calls take and answer where it is told to", async () => {
    const { execute, terminal } = await scene({ events: () => [created(""), wants, ...called, succeeded] });

    await execute("hi", "--verbose");

    expect(terminal.text()).toContain('    {\n      "path": "a.md",\n      "content": "new\\n"\n    }');
    expect(terminal.text()).toContain("    well\n    done");
  });

  it("shows with the question of an approval what the call would do to a file, and not a second time", async () => {
    const asking: Event = {
      event: {
        case: "approvalRequested",
        value: { approvalId: "apr_1", spec: { tool: "write_file", server: "files", arguments: CONTENT } },
      },
    };
    const { execute, terminal, backend } = await scene({
      events: (folder) => [created(folder), wants, asking, ...called, succeeded],
      stdin: "y\n",
    });

    await execute("hi");

    const shown = terminal.text();
    expect(shown).toContain("    a.md +1 -1\n    - old\n    + new\n[y]es");
    expect(shown.split("a.md +1 -1")).toHaveLength(2);
    expect(backend.requests).toContainEqual(expect.objectContaining({ id: "apr_1" }));
  });

  it("shows a plan as what it is, a text", async () => {
    const spec = { tool: "submit_plan", cause: ApprovalCause.PLAN, message: "## Plan\n\n1. look\n2. \x1b[2Jleap" };
    const asking: Event = { event: { case: "approvalRequested", value: { approvalId: "apr_1", spec } } };
    const { execute, terminal } = await scene({ events: () => [created(""), asking, succeeded], stdin: "y\n" });

    await execute("hi");

    expect(terminal.text()).toContain("approval needed: a plan (apr_1)\n  ## Plan\n\n  1. look\n  2. \\x1b[2Jleap\n");
  });

  it("shows what the agent has to do", async () => {
    const todos = [
      { text: "look", state: TodoState.COMPLETED },
      { text: "leap", state: TodoState.IN_PROGRESS },
      { text: "land", state: TodoState.PENDING },
    ];
    const changed: Event = { event: { case: "todosChanged", value: { todos } } };
    const { execute, terminal } = await scene({ events: () => [created(""), changed, succeeded] });

    await execute("hi");

    expect(terminal.text()).toContain("to do 1 of 3 done\n  [x] look\n  [>] leap\n  [ ] land");
  });

  it("writes text as it comes where the terminal can't draw", async () => {
    const { execute, written } = await scene({
      events: () => [created(""), started, answered, succeeded],
      env: { TERM: "dumb" },
    });

    await execute("hi");

    expect(written()).toContain("# Title\n\nSome **text**\n");
    expect(written()).not.toContain("\x1b");
  });

  it("has colours where nobody has forbidden them", async () => {
    const { execute, written } = await scene({
      events: () => [created(""), started, answered, succeeded],
      env: { NO_COLOR: "" },
    });

    await execute("hi");

    expect(written()).toContain("\x1b[4m\x1b[1mTitle\x1b[22m\x1b[24m");
  });

  it("writes JSON alone where it is told to", async () => {
    const { execute, world } = await scene({ events: () => [created(""), started, answered, succeeded] });

    await execute("hi", "-o", "json");

    const lines = world.stdout().trim().split("\n");
    expect(lines.flatMap((line) => Object.keys(JSON.parse(line)))).toEqual(
      Array.from({ length: 4 }, () => ["sequence", "event"]).flat(),
    );
    expect(world.stderr()).not.toContain("tokens");
  });

  it("goes on with text that came in pieces, whatever the connection says between them", async () => {
    const { execute, terminal, backend } = await scene({ events: () => [created(""), started, answered, succeeded] });
    const [first, second, ...rest] = backend.journal.map(entryResponse);
    let times = 0;
    backend.subscribe = async function* () {
      times += 1;
      if (first && second && times === 1) yield* [first, second, deltaResponse("# Title\n\nSome", 0)];
      else yield* [deltaResponse(" **text**", 13), ...rest];
    };

    await execute("hi");

    expect(terminal.text().split("\n").slice(1, 6)).toEqual([
      ...["# Title", "", "Some", "connection lost; trying again", "connected again"],
    ]);
    expect(terminal.text()).toContain("\n**text**\n");
  });
});

describe("execution logs -f on a terminal", () => {
  it("shows an execution as who started it sees it", async () => {
    const { world, terminal } = await scene({ events: () => [created(""), started, answered, succeeded] });

    const code = await world.run("execution", "logs", "-f", EXECUTION_ID);

    expect([code, terminal.text()]).toEqual([0, "# Title\n\nSome **text**\n12 tokens in, 3 out · $0.000042 · 2.5 s"]);
  });

  it("shows a question without asking it", async () => {
    const asking: Event = {
      event: { case: "approvalRequested", value: { approvalId: "apr_1", spec: { tool: "rm", arguments: "{}" } } },
    };
    const { world, terminal, backend } = await scene({ events: () => [created(""), asking, succeeded] });

    const code = await world.run("execution", "logs", "-f", EXECUTION_ID);

    expect(code).toBe(0);
    expect(terminal.text()).toContain("decide it: stigmer approval approve apr_1 (or reject)");
    expect(backend.requests).not.toContainEqual(expect.objectContaining({ decision: expect.anything() }));
  });

  it("says how it ended where it did not succeed", async () => {
    const error = { reason: "LIMIT_REACHED", message: "no tokens are left" };
    const failed: Event = { event: { case: "phaseChanged", value: { phase: ExecutionPhase.FAILED, error } } };
    const { world, terminal } = await scene({ events: () => [created(""), failed] });

    const code = await world.run("execution", "logs", "-f", EXECUTION_ID);

    expect([code, terminal.text()]).toEqual([0, "failed: LIMIT_REACHED: no tokens are left"]);
  });

  it("is a timeline where that is asked for", async () => {
    const { world } = await scene({ events: () => [created(""), started, answered, succeeded] });

    await world.run("execution", "logs", "-f", EXECUTION_ID, "-o", "table");

    expect(world.stdout().split("\n")[0]).toMatch(/ {4}1 {2}created for agent a1/);
  });
});

type Setting = Pick<WorldOptions, "stdin" | "env"> & { readonly events: (workspace: string) => readonly Event[] };

async function scene({ events, ...options }: Setting) {
  const backend = createBackend();
  const world = await createWorld({ isTTY: true, backends: { [URL_OF_BACKEND]: backend.routes }, ...options });
  const folder = join(world.home, "workspace");
  await mkdir(folder);
  await writeFile(join(folder, "a.md"), "old\n");
  backend.journal = journalOf(...events(folder));
  backend.approvals.set("apr_1", create(ApprovalSchema, { metadata: { id: "apr_1" } }));
  const terminal = createTerminal({ columns: 100, rows: 60 });
  const written: string[] = [];
  for (const sink of [world.deps.stdout, world.deps.stderr]) {
    const { write } = sink;
    Object.assign(sink, {
      columns: 100,
      rows: 60,
      async write(text: string) {
        written.push(text);
        terminal.write(text.replaceAll("\n", "\r\n"));
        await write(text);
      },
    });
  }
  const execute = (...args: string[]) => world.run("agent", "execute", "a1", ...args, "--url", URL_OF_BACKEND);
  return { world, backend, terminal, execute, written: () => written.join("") };
}
