import { create } from "@bufbuild/protobuf";
import { ApprovalDecision, ApprovalSchema, ExecutionPhase } from "@stigmer/contracts/agentic";
import { describe, expect, it } from "vitest";
import { createBackend, EXECUTION_ID, entryResponse, type FakeBackend, journalOf } from "../backend.fake.ts";
import { createWorld, URL_OF_BACKEND, type World } from "../deps.fake.ts";
import { hashText } from "../execution/chain.ts";

const journal = journalOf(
  { event: { case: "created", value: { agent: "a1", model: "x/y", message: "hi" } } },
  { event: { case: "phaseChanged", value: { phase: ExecutionPhase.SUCCEEDED, output: "Hello" } } },
);

describe("execution verify", () => {
  it("says how many entries hold, and the head", async () => {
    const { run, world } = await scene();

    const code = await run("execution", "verify", "a1-x");

    const head = hashText(journal[1]?.hash ?? new Uint8Array());
    expect([code, world.stdout()]).toEqual([0, `verified: 2 entries, head ${head}\n`]);
  });

  it("fails at the first entry that was changed", async () => {
    const { run, world, backend } = await scene();
    const [first, second] = journal;
    const spoiled = second && { ...second, event: new Uint8Array([1, 2]) };
    backend.subscribe = async function* () {
      for (const entry of [first, spoiled]) if (entry) yield entryResponse(entry);
    };

    const code = await run("execution", "verify", EXECUTION_ID);

    expect([code, world.stdout()]).toEqual([1, ""]);
    expect(world.stderr()).toContain("broken at sequence 2");
  });

  it("fails where the backend says otherwise", async () => {
    const { run, backend } = await scene();
    backend.verify = { valid: false, brokenAt: 1n };

    expect(await run("execution", "verify", EXECUTION_ID)).toBe(1);
  });

  it("writes the contract's JSON, broken or not", async () => {
    const { run, world } = await scene();

    await run("execution", "verify", EXECUTION_ID, "-o", "json");

    expect(JSON.parse(world.stdout())).toMatchObject({ valid: true, entries: "2" });
  });
});

describe("execution", () => {
  it("logs write when, sequence and what", async () => {
    const { run, world } = await scene();

    const code = await run("execution", "logs", "a1-x");

    expect([code, world.stdout().split("\n")]).toEqual([
      0,
      [
        '2026-01-31T12:00:00.000Z\t1\tcreated\tcreated for agent a1 with x/y: "hi"',
        "2026-01-31T12:00:00.001Z\t2\tphaseChanged\tsucceeded",
        "",
      ],
    ]);
  });

  it("logs end with what there is, unless told to follow", async () => {
    const { run, backend } = await scene();
    backend.subscribe = async function* () {
      yield* journal.slice(0, 1).map(entryResponse);
    };

    await run("execution", "logs", "a1-x");

    expect(backend.requests).toMatchObject([{ executionId: EXECUTION_ID, fromSequence: 1n, stopAtEnd: true }]);
  });

  it("cancel says which", async () => {
    const { run, world } = await scene();

    expect([await run("execution", "cancel", "a1-x"), world.stdout()]).toEqual([0, "agentexecution/a1-x cancelled\n"]);
  });

  it("is found by what -o name says of it, and not by that of another kind", async () => {
    const { run, world } = await scene();

    const codes = [
      await run("execution", "cancel", "agentexecution/a1-x"),
      await run("execution", "get", "agent/a1-x"),
    ];

    expect(codes).toEqual([0, 2]);
    expect(world.stderr()).toBe('error: agent "a1-x" is no agentexecution\nname one: stigmer list agentexecutions\n');
  });

  it("get shows one", async () => {
    const { run, world } = await scene();

    expect([await run("execution", "get", EXECUTION_ID, "-o", "name"), world.stdout()]).toEqual([
      0,
      "agentexecution/a1-x\n",
    ]);
  });
});

describe("approval", () => {
  it("list shows the open ones, and all where it is told to", async () => {
    const { run, world } = await scene();

    await run("approval", "list", "-o", "name");
    await run("approval", "list", "--all", "-o", "name");

    expect(world.stdout()).toBe("approval/open\napproval/open\napproval/done\n");
  });

  it.each([
    ["approve", ApprovalDecision.APPROVED, "approved"],
    ["reject", ApprovalDecision.REJECTED, "rejected"],
  ] as const)("%s decides by name or id", async (verb, decision, word) => {
    const { run, world, backend } = await scene();

    const code = await run("approval", verb, "apr_1", "--comment", "because");

    expect([code, world.stdout()]).toEqual([0, `approval/open ${word}\n`]);
    expect(backend.requests).toMatchObject([{ id: "apr_1", decision, comment: "because" }]);
  });
});

async function scene(): Promise<{
  world: World;
  backend: FakeBackend;
  run: (...args: string[]) => Promise<number>;
}> {
  const backend = createBackend({ journal });
  const done = { decision: ApprovalDecision.APPROVED };
  backend.approvals.set("apr_1", create(ApprovalSchema, { metadata: { id: "apr_1", name: "open" } }));
  backend.approvals.set("apr_2", create(ApprovalSchema, { metadata: { id: "apr_2", name: "done" }, status: done }));
  const world = await createWorld({ backends: { [URL_OF_BACKEND]: backend.routes } });
  return { world, backend, run: (...args) => world.run(...args, "--url", URL_OF_BACKEND) };
}
