import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import type { Agent, AgentEventSchema, WatchAgentsRequest } from "@stigmer/contracts/agentic";
import { WatchEventType } from "@stigmer/contracts/commons";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { agentOf, createBackend, type FakeBackend, refusal } from "../backend.fake.ts";
import { runCli } from "../cli.ts";
import { createWorld, URL_OF_BACKEND, type World, type WorldOptions } from "../deps.fake.ts";

type Event = MessageInitShape<typeof AgentEventSchema> | undefined;

describe("list", () => {
  it("writes a table with ages to a terminal", async () => {
    const { run, world } = await scene({ isTTY: true });

    await run("list", "agents");

    expect(world.stdout()).toBe(
      "NAME   MODEL          DESCRIPTION   AGE\na      openai/gpt-5   -             5m\nb      -              -             5m\nc      -              -             5m\n",
    );
  });

  it("writes tab-separated values with times to a pipe, through every page", async () => {
    const { run, world } = await scene();

    await run("list", "agents");

    expect(world.stdout().split("\n")).toEqual([
      "a\topenai/gpt-5\t\t2026-01-31T11:55:00.000Z",
      "b\t\t\t2026-01-31T11:55:00.000Z",
      "c\t\t\t2026-01-31T11:55:00.000Z",
      "",
    ]);
  });

  it("stops at the limit", async () => {
    const { run, world } = await scene();

    await run("list", "agents", "--limit", "1", "-o", "name");

    expect(world.stdout()).toBe("agent/a\n");
  });

  it.each([
    ["json", (text: string) => JSON.parse(text)],
    ["yaml", (text: string) => parse(text)],
  ])("writes one list of all pages as %s", async (format, read) => {
    const { run, world } = await scene();

    await run("list", "agents", "-o", format);

    const { items, resourceVersion } = read(world.stdout());
    expect([items.map((item: { metadata: { name: string } }) => item.metadata.name), resourceVersion]).toEqual([
      ["a", "b", "c"],
      "7",
    ]);
  });

  it("writes a list without items as such", async () => {
    const { run, world, backend } = await scene();
    backend.agents.clear();

    await run("list", "agents", "-o", "json");

    expect(JSON.parse(world.stdout()).items).toEqual([]);
  });
});

describe("get", () => {
  it.each([["agent", "a"], ["agt/a"], ["agents", "agt_A"], ["agent/agt_A"]])("reads %s %s", async (...args) => {
    const { run, world } = await scene();

    const code = await run("get", ...args, "-o", "json");

    expect([code, JSON.parse(world.stdout())]).toMatchObject([
      0,
      { metadata: { name: "a", createTime: "2026-01-31T11:55:00Z" }, spec: { model: "openai/gpt-5" } },
    ]);
  });

  it("says what to do where there is none", async () => {
    const { run, world } = await scene();

    const code = await run("get", "agent", "zzz");

    expect([code, world.stdout(), world.stderr()]).toEqual([
      1,
      "",
      'error: agent "zzz" not found\nsee what is there: stigmer list agents\n',
    ]);
  });

  it("writes what apply takes back", async () => {
    const { run, world, backend } = await scene();
    backend.agents.set("a", agentOf("a", { instructions: "  be\n\nbrief: yes # no\n", maxTurns: 3 }));

    await run("get", "agent", "a", "-o", "yaml");
    await writeFile(join(world.home, "a.yaml"), world.stdout());
    const code = await run("apply", "-f", "a.yaml");

    const applied = backend.requests.at(-1) as Agent;
    expect([code, applied.spec]).toMatchObject([0, { instructions: "  be\n\nbrief: yes # no\n", maxTurns: 3 }]);
  });
});

describe("delete", () => {
  it("asks at a terminal", async () => {
    const { run, world, backend } = await scene({ isTTY: true, stdin: "y\n" });

    const code = await run("delete", "agent", "a");

    expect([code, world.stderr(), world.stdout(), backend.agents.has("a")]).toEqual([
      0,
      "delete agent/a? [y/N] ",
      "agent/a deleted\n",
      false,
    ]);
  });

  it("does nothing without a yes", async () => {
    const { run, backend } = await scene({ isTTY: true, stdin: "\n" });

    const code = await run("delete", "agent", "a");

    expect([code, backend.agents.has("a")]).toEqual([1, true]);
  });

  it("refuses off a terminal, where nobody could say yes", async () => {
    const { run, backend } = await scene({ stdin: "y\n" });

    const code = await run("delete", "agent", "a");

    expect([code, backend.agents.has("a")]).toEqual([2, true]);
  });

  it("asks nobody where the answer would come from a file", async () => {
    const { world, backend } = await scene({ isTTY: true });
    const stdin = { ...world.deps.stdin, isTTY: false, line: async () => "y" };

    const code = await runCli({ ...world.deps, stdin }, ["delete", "agent", "a", "--url", URL_OF_BACKEND]);

    expect([code, backend.agents.has("a")]).toEqual([2, true]);
  });

  it("does not ask where it is told not to", async () => {
    const { run, backend } = await scene();

    const code = await run("delete", "agent/a", "--yes");

    expect([code, backend.agents.has("a")]).toEqual([0, false]);
  });

  it("refuses a kind that can't be deleted before it asks anybody", async () => {
    const { run } = await scene();

    expect(await run("delete", "approval", "x", "--yes")).toBe(2);
  });
});

describe("apply", () => {
  it("says what happened to each resource", async () => {
    const { run, world } = await scene();
    await writeFile(join(world.home, "m.yaml"), `${manifest("a")}---\n${manifest("new")}`);

    const code = await run("apply", "-f", "m.yaml");

    expect([code, world.stdout()]).toEqual([0, "agent/a updated\nagent/new created\n"]);
  });

  it("reads standard input", async () => {
    const { run, world } = await scene({ stdin: manifest("new") });

    const code = await run("apply", "-f", "-", "-o", "name");

    expect([code, world.stdout()]).toEqual([0, "agent/new\n"]);
  });

  it("applies nothing where anything is wrong with any document", async () => {
    const { run, world, backend } = await scene();
    await writeFile(join(world.home, "m.yaml"), `${manifest("new")}---\nkind: Agent\nspec:\n  instuctions: x\n`);

    const code = await run("apply", "-f", "m.yaml");

    expect([code, backend.requests, world.stderr()]).toEqual([
      2,
      [],
      "error: m.yaml:9:3: spec.instuctions: unknown field; did you mean instructions?\nnothing was applied; correct the manifest and apply it again\n",
    ]);
  });

  it("shows where the backend's objection stands, and goes on with the others", async () => {
    const { run, world } = await scene();
    const bad = "kind: Agent\nmetadata: {name: bad}\nspec:\n  model: x/y\n";
    await writeFile(join(world.home, "m.yaml"), `${bad}---\n${manifest("new")}`);

    const code = await run("apply", "-f", "m.yaml");

    expect([code, world.stdout()]).toEqual([2, "agent/new created\n"]);
    expect(world.stderr()).toBe(
      "error: m.yaml:3:1: spec.instructions: must be at least 1 character\ncorrect it and try again\nerror: 1 of 2 resources were not applied\n",
    );
  });

  it("stops where the backend is away", async () => {
    const { world } = await scene({ stdin: `${manifest("a")}---\n${manifest("b")}` });

    const code = await world.run("apply", "-f", "-", "--url", "http://127.0.0.1:1");

    expect([code, world.stderr().match(/error:/g)?.length]).toEqual([4, 1]);
  });
});

describe("watch", () => {
  it("shows what is there, then each change", async () => {
    const { run, world } = await scene();

    await run("watch", "agents");

    expect(
      world
        .stdout()
        .split("\n")
        .map((line) => line.split("\t").slice(0, 2).join(" ")),
    ).toEqual(["ADDED a", "ADDED b", "ADDED c", ""]);
  });

  it("shows nothing twice where it breaks before everything that was there has come", async () => {
    const { run, world, backend } = await scene();
    const [a, b] = [...backend.agents.values()].map((object) => ({
      type: WatchEventType.ADDED,
      object,
      resumeToken: "7",
    }));
    const streams = [[a], [a, b, { type: WatchEventType.BOOKMARK, resumeToken: "7" }]];
    backend.watch = brokenStreams(streams);

    await run("watch", "agents");

    const asked = backend.requests.map((request) => (request as WatchAgentsRequest).sendInitial);
    expect([namesIn(world), asked]).toEqual([
      ["a", "b"],
      [true, true, false],
    ]);
  });

  it("goes on after the last change where it breaks", async () => {
    const { run, world, backend } = await scene();
    const [object] = backend.agents.values();
    const streams = [
      [
        { type: WatchEventType.BOOKMARK, resumeToken: "7" },
        { type: WatchEventType.MODIFIED, object, resumeToken: "8" },
      ],
      [{ type: WatchEventType.DELETED, object, resumeToken: "9" }],
    ];
    backend.watch = brokenStreams(streams);

    await run("watch", "agents");

    const asked = backend.requests.map((request) => (request as WatchAgentsRequest).resumeToken);
    expect([namesIn(world), asked]).toEqual([
      ["a", "a"],
      ["", "8", "9"],
    ]);
  });

  it("ends where the backend can't go on from the token", async () => {
    const { run, world } = await scene();

    const code = await run("watch", "agents", "-o", "json");

    const [first] = world.stdout().split("\n");
    expect([code, JSON.parse(first ?? "")]).toMatchObject([1, { type: "WATCH_EVENT_TYPE_ADDED", resumeToken: "7" }]);
    expect(world.stderr()).toContain("watch again");
  });
});

describe("agent create", () => {
  it("asks for the agent that the options say", async () => {
    const { run, world, backend } = await scene();

    const code = await run("agent", "create", "n", "--instructions", "be brief", "--model", "x/y", "--mcp-server", "m");

    expect([code, world.stdout()]).toEqual([0, "agent/n created\n"]);
    expect(backend.requests[0]).toMatchObject({
      metadata: { name: "n" },
      spec: { instructions: "be brief", model: "x/y", mcpServers: [{ name: "m" }] },
    });
  });

  it.each([
    ["@text.md", "from a file\n"],
    ["@@text.md", "@text.md"],
  ])("reads the instructions %s", async (instructions, expected) => {
    const { run, world, backend } = await scene();
    await writeFile(join(world.home, "text.md"), "from a file\n");

    await run("agent", "create", "n", "--instructions", instructions);

    expect(backend.requests[0]).toMatchObject({ spec: { instructions: expected } });
  });

  it("refuses a file that is not there", async () => {
    const { run } = await scene();

    expect(await run("agent", "create", "n", "--instructions", "@nowhere")).toBe(2);
  });
});

/** Streams that break one after the other; the last breaks for good. */
function brokenStreams(streams: Event[][]): FakeBackend["watch"] {
  let finished = false;
  return async function* () {
    yield* (streams.shift() ?? []) as NonNullable<Event>[];
    if (streams.length > 0 || !finished) {
      finished = streams.length === 0;
      throw new ConnectError("reset", Code.Unavailable);
    }
    throw refusal(Code.OutOfRange, "WATCH_TOKEN_EXPIRED");
  };
}

function namesIn(world: World): string[] {
  return world
    .stdout()
    .trim()
    .split("\n")
    .map((line) => line.split("\t")[1] ?? "");
}

async function scene(options: WorldOptions = {}): Promise<{
  world: World;
  backend: FakeBackend;
  run: (...args: string[]) => Promise<number>;
}> {
  const backend = createBackend();
  backend.agents.set("a", agentOf("a", { model: "openai/gpt-5", instructions: "x" }));
  backend.agents.set("b", agentOf("b"));
  backend.agents.set("c", agentOf("c"));
  const world = await createWorld({ ...options, backends: { [URL_OF_BACKEND]: backend.routes } });
  return { world, backend, run: (...args) => world.run(...args, "--url", URL_OF_BACKEND) };
}

function manifest(name: string): string {
  return `kind: Agent\nmetadata:\n  name: ${name}\nspec:\n  instructions: be brief\n`;
}
