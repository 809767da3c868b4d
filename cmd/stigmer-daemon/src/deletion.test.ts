import { timestampMs } from "@bufbuild/protobuf/wkt";
import {
  type Agent,
  AgentCommandController,
  AgentExecutionQueryController,
  AgentQueryController,
  ExecutionPhase,
  SessionCommandController,
  SessionQueryController,
} from "@stigmer/contracts/agentic";
import { DependentsPolicy, RunningPolicy, WatchEventType } from "@stigmer/contracts/commons";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { refused } from "./refused.fake.ts";
import { createAgent, execute, idOf, versionOf } from "./resources.fake.ts";
import { startTestDaemon, type TestDaemon } from "./test-daemon.fake.ts";

const DAY_MS = 24 * 60 * 60 * 1000;

let daemon: TestDaemon;
let count = 0;
let now = Date.now();

const agents = () => daemon.client.service(AgentCommandController);
const agentQueries = () => daemon.client.service(AgentQueryController);
const sessions = () => daemon.client.service(SessionCommandController);
const make = (name = `agent-${++count}`): Promise<Agent> => createAgent(daemon.client, { name });
const nameOf = (agent: Agent): string => agent.metadata?.name ?? "";
const ownedBy = (...owners: Agent[]) => owners.map((owner) => ({ kind: "Agent", id: idOf(owner) }));

beforeAll(async () => {
  daemon = await startTestDaemon({ clock: { now: () => now, monotonic: () => performance.now() } });
});
afterAll(() => daemon[Symbol.asyncDispose]());

describe("a deleted resource", () => {
  it("is out of lists and names, and still read by its id, with its end", async () => {
    const made = await make();

    const deleted = await agents().delete({ id: idOf(made) });

    const { deleteTime, purgeTime } = deleted.metadata ?? {};
    expect(deleteTime && purgeTime && timestampMs(purgeTime) - timestampMs(deleteTime)).toBe(30 * DAY_MS);
    expect(await agentQueries().get({ id: idOf(made) })).toEqual(deleted);
    expect(await agentQueries().getByReference({ name: nameOf(made), showDeleted: true })).toEqual(deleted);
    expect((await refused(agentQueries().getByReference({ name: nameOf(made) }))).reason).toBe("RESOURCE_NOT_FOUND");
    expect((await agentQueries().list({})).items.map(idOf)).not.toContain(idOf(made));
  });

  it("keeps its name until it is purged", async () => {
    const made = await make();
    await agents().delete({ id: idOf(made) });

    const taken = await refused(make(nameOf(made)));
    await agents().purge({ id: idOf(made) });
    const again = await make(nameOf(made));

    expect(taken).toMatchObject({ reason: "RESOURCE_EXISTS", facts: { deleted: "true", id: idOf(made) } });
    expect(idOf(again)).not.toBe(idOf(made));
    expect((await refused(agentQueries().get({ id: idOf(made) }))).reason).toBe("RESOURCE_NOT_FOUND");
    expect((await refused(agents().undelete({ id: idOf(made) }))).reason).toBe("RESOURCE_NOT_FOUND");
  });

  it("comes back as it was", async () => {
    const made = await make();
    await agents().delete({ id: idOf(made) });

    const back = await agents().undelete({ id: idOf(made) });

    expect(back.spec).toEqual(made.spec);
    expect(back.metadata).toMatchObject({ name: nameOf(made), generation: 1n });
    expect(back.metadata?.deleteTime).toBeUndefined();
    expect(await agentQueries().getByReference({ name: nameOf(made) })).toEqual(back);
  });

  it("can't be changed or deleted once more, and what is not deleted can't be undeleted or purged", async () => {
    const [gone, there] = [await make(), await make()];
    await agents().delete({ id: idOf(gone) });

    const reasons = await Promise.all(
      [
        agents().delete({ id: idOf(gone) }),
        agents().update({ metadata: { name: nameOf(gone), resourceVersion: "1" }, spec: { instructions: "x" } }),
        agents().tag({ id: idOf(gone), tag: "v1" }),
        agents().undelete({ id: idOf(there) }),
        agents().purge({ id: idOf(there) }),
        agents().purge({ id: "agt_0" }),
      ].map(async (call) => (await refused(call)).reason),
    );

    expect(reasons).toEqual([
      "RESOURCE_DELETED",
      "RESOURCE_DELETED",
      "RESOURCE_DELETED",
      "RESOURCE_EXISTS",
      "RESOURCE_NOT_DELETED",
      "RESOURCE_NOT_FOUND",
    ]);
  });

  it("is gone for good 30 days later", async () => {
    const made = await make();
    await agents().delete({ id: idOf(made) });
    await daemon.stop();
    now += 30 * DAY_MS + 1;
    await daemon.start();

    const outcome = await expect
      .poll(async () => (await refused(agentQueries().get({ id: idOf(made) }))).reason)
      .toBe("RESOURCE_NOT_FOUND")
      .then(() => make(nameOf(made)));

    expect(nameOf(outcome)).toBe(nameOf(made));
  });

  it("is DELETED to a watch, and ADDED when it comes back", async () => {
    const made = await make();
    const stop = new AbortController();
    const events = agentQueries().watch({ sendInitial: true }, { signal: stop.signal })[Symbol.asyncIterator]();
    const next = async (type: WatchEventType): Promise<string> => {
      for (;;) {
        const { value } = await events.next();
        if (value?.type === type) return idOf(value.object ?? {});
      }
    };
    await next(WatchEventType.BOOKMARK);

    await agents().delete({ id: idOf(made) });
    await agents().undelete({ id: idOf(made) });

    expect(await next(WatchEventType.DELETED)).toBe(idOf(made));
    expect(await next(WatchEventType.ADDED)).toBe(idOf(made));
    stop.abort();
  });
});

describe("resources that belong to others", () => {
  it("go with the last of them, and come back with it", async () => {
    const [first, second] = [await make(), await make()];
    const owned = await sessions().create({
      metadata: { name: `owned-${++count}`, ownerRefs: ownedBy(first, second) },
      spec: { agent: nameOf(second) },
    });
    const read = () => daemon.client.service(SessionQueryController).get({ id: idOf(owned) });

    await agents().delete({ id: idOf(first) });
    const withOneLeft = await read();
    await agents().delete({ id: idOf(second) });
    const withNone = await read();
    await agents().undelete({ id: idOf(second) });
    const back = await read();

    expect([withOneLeft, withNone, back].map(({ metadata }) => metadata?.deleteTime !== undefined)).toEqual([
      false,
      true,
      false,
    ]);
  });

  it("go with what owns their owner, also where they own each other", async () => {
    const top = await make();
    const middle = await agents().create({
      metadata: { name: `middle-${++count}`, ownerRefs: ownedBy(top) },
      spec: { instructions: "help" },
    });
    const low = await agents().create({
      metadata: { name: `low-${++count}`, ownerRefs: ownedBy(middle) },
      spec: { instructions: "help" },
    });
    await agents().update({
      metadata: { name: nameOf(top), resourceVersion: versionOf(top), ownerRefs: ownedBy(low) },
      spec: { instructions: "help" },
    });

    await agents().delete({ id: idOf(top) });

    const left = await Promise.all([top, middle, low].map((agent) => agentQueries().get({ id: idOf(agent) })));
    expect(left.map(({ metadata }) => metadata?.deleteTime !== undefined)).toEqual([true, true, true]);
  });

  it("stay without their owner where the delete leaves them", async () => {
    const owner = await make();
    const owned = await agents().create({
      metadata: { name: `owned-${++count}`, ownerRefs: ownedBy(owner) },
      spec: { instructions: "help" },
    });

    await agents().delete({ id: idOf(owner), dependents: DependentsPolicy.ORPHAN });

    const left = await agentQueries().get({ id: idOf(owned) });
    expect(left.metadata).toMatchObject({ ownerRefs: [] });
    expect(left.metadata?.deleteTime).toBeUndefined();
  });

  it("can't belong to what is not there", async () => {
    const fault = await refused(
      agents().create({
        metadata: { name: `owned-${++count}`, ownerRefs: [{ kind: "Agent", id: "agt_0" }] },
        spec: { instructions: "help" },
      }),
    );

    expect(fault).toMatchObject({ reason: "REFERENCE_NOT_FOUND", violations: [{ field: "metadata.ownerRefs[0]" }] });
  });
});

describe("a delete while executions run", () => {
  const start = async () => {
    const agent = await make();
    const execution = await execute(daemon.client, { agent: nameOf(agent), model: daemon.script([{ text: "hi" }]) });
    const phase = async () => {
      const { status } = await daemon.client.service(AgentExecutionQueryController).get({ id: idOf(execution) });
      return status?.phase;
    };
    return { agent, execution, phase };
  };

  it("is refused, of the agent and of the session, and says which", async () => {
    const { agent, execution } = await start();

    const faults = [
      await refused(agents().delete({ id: idOf(agent) })),
      await refused(sessions().delete({ id: execution.status?.sessionId ?? "" })),
    ];

    for (const fault of faults)
      expect(fault).toMatchObject({ reason: "RESOURCE_IN_USE", facts: { executions: idOf(execution) } });
  });

  it("cancels them where it is told to", async () => {
    const { agent, phase } = await start();

    await agents().delete({ id: idOf(agent), running: RunningPolicy.CANCEL });

    expect(await phase()).toBe(ExecutionPhase.CANCELLED);
  });

  it("cancels nothing where another check refuses it", async () => {
    const { agent, phase } = await start();

    await refused(agents().delete({ id: idOf(agent), running: RunningPolicy.CANCEL, resourceVersion: "1" }));

    expect(await phase()).toBe(ExecutionPhase.PENDING);
  });

  it("leaves them where it is told to", async () => {
    const { agent, phase } = await start();

    await agents().delete({ id: idOf(agent), running: RunningPolicy.LEAVE });

    expect(await phase()).toBe(ExecutionPhase.PENDING);
  });
});
