import { ExecutionPhase as Phase } from "@stigmer/contracts/agentic";
import { COMMANDS, LIFE_CYCLE } from "@stigmer/execution";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { tell } from "./commands.fake.ts";
import { callTool } from "./driven.fake.ts";
import { eventsOf, untilEnd, valuesOf } from "./journal.fake.ts";
import { refused } from "./refused.fake.ts";
import { createAgent, createServer, execute, idOf } from "./resources.fake.ts";
import { type Tended, tend } from "./tended.fake.ts";
import { startTestDaemon, type TestDaemon } from "./test-daemon.fake.ts";

type Command = (typeof COMMANDS)[number];

/** An execution in a phase, and what the command has to say. */
type Found = { readonly id: string; readonly stepKey?: string };

let daemon: TestDaemon;
let runner: Tended;

beforeAll(async () => {
  daemon = await startTestDaemon();
  const model = daemon.script([]);
  await createServer(daemon.client, "files");
  await createAgent(daemon.client, { name: "idle", model, spec: { runnerSelector: { tier: "none" } } });
  await createAgent(daemon.client, { name: "asking", model, spec: { askUser: true } });
  await createAgent(daemon.client, { name: "acting", model, servers: ["files"] });
  await createAgent(daemon.client, { model });
  runner = await tend(daemon.client);
});
afterAll(async () => {
  await daemon[Symbol.asyncDispose]();
});

/** Ways into each phase. */
const INTO: Readonly<Record<number, (command: Command) => Promise<Found>>> = {
  [Phase.PENDING]: () => start("idle"),
  async [Phase.RUNNING]() {
    const { id } = await start("helper");
    await runner.lease(id);
    return { id };
  },
  async [Phase.WAITING_FOR_APPROVAL]() {
    const { id } = await start("acting");
    const lease = await runner.lease(id);
    await runner.list(lease);
    await callTool(daemon.client, lease, { name: "files__act" });
    return { id };
  },
  [Phase.WAITING_FOR_INPUT]: asking,
  async [Phase.PAUSED](command) {
    const found = command === "provideInput" ? await asking() : await start("idle");
    await tell(daemon.client, "pause", found.id);
    return found;
  },
  async [Phase.SUCCEEDED]() {
    const { id } = await start("helper");
    runner.finish(await runner.lease(id), "done");
    return { id: idOf(await untilEnd(daemon.client, id)) };
  },
  async [Phase.FAILED]() {
    const { id } = await start("helper");
    runner.fail(await runner.lease(id));
    return { id: idOf(await untilEnd(daemon.client, id)) };
  },
  async [Phase.CANCELLED]() {
    return { id: idOf(await tell(daemon.client, "cancel", (await start("idle")).id)) };
  },
  async [Phase.TERMINATED]() {
    return { id: idOf(await tell(daemon.client, "terminate", (await start("idle")).id)) };
  },
};

const CELLS = [...LIFE_CYCLE].flatMap(([phase, row]) =>
  COMMANDS.map((command) => [Phase[phase], command, phase, row[command]] as const),
);

it("is told for each phase and each command", () => {
  const phases = Object.values(Phase).filter((value) => typeof value === "number" && value !== Phase.UNSPECIFIED);

  expect([...LIFE_CYCLE.keys()].sort()).toEqual(phases.sort());
  expect(COMMANDS).toEqual(["cancel", "terminate", "pause", "resume", "retry", "fork", "provideInput"]);
  expect(
    [...LIFE_CYCLE].map(([phase, row]) => `${Phase[phase]}: ${COMMANDS.map((of) => nameOf(row[of])).join(" ")}`),
  ).toMatchInlineSnapshot(`
      [
        "PENDING: CANCELLED TERMINATED PAUSED same same new no",
        "RUNNING: CANCELLED TERMINATED PAUSED same same new no",
        "WAITING_FOR_APPROVAL: CANCELLED TERMINATED PAUSED same same new no",
        "WAITING_FOR_INPUT: CANCELLED TERMINATED PAUSED same same new PENDING",
        "PAUSED: CANCELLED TERMINATED same back no new PAUSED",
        "SUCCEEDED: no no no no no new no",
        "FAILED: no no no no PENDING new no",
        "CANCELLED: same no no no no new no",
        "TERMINATED: no same no no no new no",
      ]
    `);
});

describe.each(CELLS)("an execution that is %s and is told to %s", (_name, command, phase, effect) => {
  it("does what the table says, and nothing more where it is told so again", async () => {
    const { id, stepKey = "" } = await into(phase, command);
    const request = command === "provideInput" ? { stepKey } : {};
    const before = await told(id);

    const first = tell(daemon.client, command, id, request);
    if (effect === "no") {
      const facts = { phase: Phase[phase], command };
      expect(await refused(first)).toMatchObject({ kind: "precondition", reason: "EXECUTION_PHASE", facts });
      expect(await told(id)).toEqual(before);
      return;
    }
    const answer = await first;
    const after = await told(id);
    const again = await tell(daemon.client, command, id, request);

    if (effect === "new") {
      expect(answer.status).toMatchObject({ phase: Phase.PENDING, fork: { executionId: id } });
      expect(new Set([id, idOf(answer), idOf(again)]).size).toBe(3);
    } else {
      expect([idOf(answer), idOf(again)]).toEqual([id, id]);
      expect(answer.status?.phase).toBe(effect === "same" ? phase : effect === "back" ? Phase.PENDING : effect);
    }
    if (effect === "new" || effect === "same") expect(after).toEqual(before);
    expect(await told(id)).toEqual(after);
  });
});

it.each([Phase.WAITING_FOR_APPROVAL, Phase.WAITING_FOR_INPUT])(
  "an execution that waited in phase %s waits for nothing once it has ended",
  async (phase) => {
    const { id } = await into(phase, "cancel");

    const { status } = await tell(daemon.client, "cancel", id);

    expect(status).toMatchObject({ approvalId: "", approvalIds: [], subExecutionId: "" });
    expect(status?.question).toBeUndefined();
  },
);

it.each(CELLS.filter(([, , , effect]) => effect !== "no"))(
  "an execution that is %s and is told to %s answers the same to whoever lost the answer",
  async (_, command, phase) => {
    const { id, stepKey = "" } = await into(phase, command);
    const request = { ...(command === "provideInput" && { stepKey }), key: `${phase} ${command}` };

    const first = await tell(daemon.client, command, id, request);
    const again = await tell(daemon.client, command, id, request);

    expect(again).toEqual(first);
  },
);

async function into(phase: Phase, command: Command): Promise<Found> {
  return (await INTO[phase]?.(command)) ?? { id: "" };
}

async function start(agent: string): Promise<Found> {
  return { id: idOf(await execute(daemon.client, { agent })) };
}

async function asking(): Promise<Found> {
  const { id } = await start("asking");
  const lease = await runner.lease(id);
  await runner.list(lease, 0);
  await callTool(daemon.client, lease, { name: "ask_user", arguments: '{"question":"which?"}' }, "ask");
  return { id, stepKey: "ask" };
}

function nameOf(effect: Phase | string): string {
  return typeof effect === "number" ? (Phase[effect] ?? "") : effect;
}

/** What people have told it, as its journal has it. */
async function told(id: string) {
  const events = await eventsOf(daemon.client, id);
  const phases = valuesOf(events, "phaseChanged").filter(({ by }) => by === "tester");
  return [...phases, ...valuesOf(events, "inputProvided"), ...valuesOf(events, "retried")];
}
