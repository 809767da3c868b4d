import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { Code } from "@connectrpc/connect";
import { DependentsPolicy, RunningPolicy } from "@stigmer/contracts/commons";
import { describe, expect, it } from "vitest";
import { agentOf, createBackend, type FakeBackend, refusal } from "../backend.fake.ts";
import { createWorld, URL_OF_BACKEND, type World, type WorldOptions } from "../deps.fake.ts";

const DIGEST = `sha256:${"a".repeat(64)}`;

describe("delete", () => {
  it("says what becomes of executions and of what the resource owns", async () => {
    const { run, backend } = await scene();

    const code = await run("delete", "agent", "a", "--yes", "--running", "cancel", "--orphan");

    expect(code).toBe(0);
    expect(backend.requests.at(-1)).toMatchObject({
      id: "agt_A",
      running: RunningPolicy.CANCEL,
      dependents: DependentsPolicy.ORPHAN,
    });
  });

  it("leaves policies unsaid where the user says none", async () => {
    const { run, backend } = await scene();

    await run("delete", "agent", "a", "--yes");

    expect(backend.requests.at(-1)).toMatchObject({ running: 0, dependents: 0 });
  });

  it("removes for good what is deleted already, without deleting it again", async () => {
    const { run, backend, world } = await scene();
    deleted(backend, "a");

    const code = await run("delete", "agent", "a", "--purge", "--yes");

    expect([code, world.stdout()]).toEqual([0, "agent/purged purged\n"]);
    expect(backend.requests.map((request) => (request as { $typeName: string }).$typeName)).not.toContain(
      "ai.stigmer.agentic.agent.v1.DeleteAgentRequest",
    );
  });

  it("does nothing where nobody can be asked", async () => {
    const { run, backend } = await scene();

    const code = await run("delete", "agent", "a", "--purge");

    expect([code, backend.agents.has("a")]).toEqual([2, true]);
  });
});

describe("undelete", () => {
  it("finds the id by the name of what is deleted", async () => {
    const { run, backend, world } = await scene();
    deleted(backend, "a");

    const code = await run("undelete", "agent", "a");

    expect([code, world.stdout()]).toEqual([0, "agent/a undeleted\n"]);
    expect(backend.requests.at(-1)).toMatchObject({ id: "agt_A" });
  });

  it("says so where the resource is not deleted", async () => {
    const { run, world } = await scene();

    const code = await run("undelete", "agent/a");

    expect([code, world.stderr()]).toEqual([1, "error: agent/a is not deleted\nnothing was done\n"]);
  });

  it("refuses a kind that has no such verb", async () => {
    const { run } = await scene();

    expect(await run("undelete", "approval", "x")).toBe(2);
  });
});

describe("tag", () => {
  it.each([
    [["agent", "a", "v1"], { id: "agt_A", tag: "v1", revision: "" }],
    [["agent/a@v1", "stable"], { id: "agt_A", tag: "stable", revision: "v1" }],
    [["agent", `a@${DIGEST}`, "v2"], { id: "agt_A", tag: "v2", revision: DIGEST }],
    [["agent", "agt_A", "v1"], { id: "agt_A", tag: "v1", revision: "" }],
  ])("names the revision of %j", async (words, request) => {
    const { run, backend } = await scene();

    const code = await run("tag", ...words);

    expect([code, backend.requests.at(-1)]).toMatchObject([0, request]);
  });

  it.each([[["agent", "a"]], [["agent", "a", "v1", "v2"]], [["agent", "a", "no/tag"]]])("refuses %j", async (words) => {
    const { run } = await scene();

    expect(await run("tag", ...words)).toBe(2);
  });
});

describe("get and list", () => {
  it("read a revision by its name", async () => {
    const { run, backend } = await scene();

    await run("get", "agent", "a@v1");

    expect(backend.requests.at(-1)).toMatchObject({ name: "a", revision: "v1" });
  });

  it.each([["get"], ["list"]])("%s what is selected", async (command) => {
    const { run, backend } = await scene();

    await run(command, "agents", "-l", "team=x", "--filter", 'spec.model = "m"', "--show-deleted");

    expect(backend.requests.at(-1)).toMatchObject({
      labelSelector: "team=x",
      filter: 'spec.model = "m"',
      showDeleted: true,
    });
  });

  it("follow from the list's own token", async () => {
    const { run, backend, world } = await scene();
    // A watch that never ends by itself ends by Ctrl-C.
    backend.watch = async function* () {
      world.interrupt();
      yield* [];
    };

    const code = await run("list", "agents", "-l", "team=x", "--watch");

    expect(code).toBe(130);
    expect(backend.requests.at(-1)).toMatchObject({ resumeToken: "after-list", labelSelector: "team=x" });
  });

  it("refuse a selection beside a name", async () => {
    const { run } = await scene();

    expect(await run("get", "agent", "a", "-l", "x=y")).toBe(2);
  });

  it("refuse what the kind's list can't say", async () => {
    const { run, world } = await scene();

    const code = await run("list", "runners", "--show-deleted");

    expect([code, world.stderr()]).toEqual([
      2,
      "error: --show-deleted means nothing for the kind runner\nleave it out\n",
    ]);
  });
});

describe("apply", () => {
  it("passes on who sets the fields, and whether by force or for show", async () => {
    const { run, backend } = await scene();

    const code = await run("apply", "-f", "a.yaml", "--force", "--dry-run", "--field-manager", "ci");

    expect([code, backend.applied]).toMatchObject([0, [{ request: { force: true, dryRun: true }, manager: "ci" }]]);
  });

  it("says which fields were filled in, ignored and removed", async () => {
    const { run, backend, world } = await scene();
    backend.outcome = { defaulted: ["spec.maxTurns"], ignored: ["metadata.id"], pruned: ["spec.model"] };

    await run("apply", "-f", "a.yaml");

    expect([world.stdout(), world.stderr()]).toEqual([
      "agent/a updated\n",
      "  filled in: spec.maxTurns\n  ignored, as only the backend sets them: metadata.id\n  removed, as nobody sets them any more: spec.model\n",
    ]);
  });

  it("lists every field that another manager owns, with its place, and the next step", async () => {
    const { run, backend, world } = await scene();
    const unmet = { "spec.instructions": "ci has set it", "spec.model": "ops has set it" };
    backend.start = () => {
      throw refusal(Code.Aborted, "FIELD_CONFLICT", { unmet });
    };

    const code = await run("apply", "-f", "a.yaml");

    expect(code).toBe(1);
    expect(world.stderr().split("\n")).toEqual([
      "error: agent/a was not applied: other managers own 2 fields",
      "error: a.yaml:4:9: spec.instructions: ci has set it",
      "error: a.yaml:4:1: spec.model: ops has set it",
      "take them over with --force, or leave them out of the manifest",
      "",
    ]);
  });
});

describe("diff", () => {
  const text = (value: string) => ({ kind: { case: "stringValue" as const, value } });

  it("shows changed fields and ends with 1", async () => {
    const { run, backend, world } = await scene();
    const change = { path: "spec.model", before: text("a/b"), after: text("c/d"), sensitive: false };
    backend.outcome = { diff: [change, { path: "spec.key", sensitive: true }] };

    const code = await run("diff", "-f", "a.yaml");

    expect([code, world.stderr()]).toEqual([1, ""]);
    expect(world.stdout().split("\n")).toEqual([
      "--- agent/a",
      "+++ agent/a",
      "@@ spec.model @@",
      "- a/b",
      "+ c/d",
      "@@ spec.key @@",
      "- (sensitive)",
      "+ (sensitive, changed)",
      "",
    ]);
  });

  it("says nothing and ends with 0 where nothing would change", async () => {
    const { run, world } = await scene();

    expect([await run("diff", "-f", "a.yaml"), world.stdout()]).toEqual([0, ""]);
  });
});

describe("validate", () => {
  it("says yes without a backend", async () => {
    const { run, world } = await scene({ backends: {} });

    expect([await run("validate", "-f", "a.yaml"), world.stdout()]).toEqual([0, "agent/a valid\n"]);
  });

  it("names every broken rule with its place", async () => {
    const { run, world } = await scene({ backends: {} });
    await writeFile(
      join(world.home, "a.yaml"),
      "kind: Agent\nmetadata: { name: Bad }\nspec:\n  instructions: x\n  model: none\n  maxTurns: 5000\n",
    );

    const code = await run("validate", "-f", "a.yaml");

    expect(code).toBe(2);
    expect(world.stderr()).toContain("a.yaml:2:13: metadata.name: must start with");
    expect(world.stderr()).toContain("a.yaml:5:3: spec.model: must have the form");
    expect(world.stderr()).toContain("a.yaml:6:3: spec.maxTurns: ");
  });

  it("lets the backend check without storing", async () => {
    const { run, backend } = await scene();

    await run("validate", "-f", "a.yaml", "--server");

    expect(backend.applied).toMatchObject([{ request: { dryRun: true } }]);
  });
});

describe("search", () => {
  it("reads every page of what has all words", async () => {
    const { run, backend, world } = await scene();

    const code = await run("search", "big", "apple", "--kind", "agents", "-o", "name");

    expect([code, world.stdout()]).toEqual([0, "agent/a\nagent/a\n"]);
    expect(backend.requests).toMatchObject([{ query: "big apple", kinds: ["Agent"] }, { pageToken: "2" }]);
  });
});

function deleted(backend: FakeBackend, name: string): void {
  const agent = backend.agents.get(name);
  if (agent?.metadata) agent.metadata.deleteTime = timestampFromMs(0);
}

async function scene(
  options: WorldOptions = {},
): Promise<{ readonly world: World; readonly backend: FakeBackend; readonly run: World["run"] }> {
  const backend = createBackend();
  backend.agents.set("a", agentOf("a"));
  const world = await createWorld({ backends: { [URL_OF_BACKEND]: backend.routes }, ...options });
  await writeFile(join(world.home, "a.yaml"), "kind: Agent\nmetadata:\n  name: a\nspec: { instructions: hello }\n");
  return { world, backend, run: world.run };
}
