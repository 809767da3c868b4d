import {
  AgentCommandController,
  type AgentExecution,
  AgentExecutionCommandController,
  type Environment,
  EnvironmentCommandController,
  McpServerCommandController,
  SessionCommandController,
  SkillCommandController,
} from "@stigmer/contracts/agentic";
import { RunningPolicy } from "@stigmer/contracts/commons";
import type { Batch } from "@stigmer/store";
import { openLevelStore } from "@stigmer/store-leveldb";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eventsOf, valuesOf } from "./journal.fake.ts";
import { refused } from "./refused.fake.ts";
import { createAgent, createServer, idOf, versionOf } from "./resources.fake.ts";
import { createSkill, skillMd } from "./skill-files.fake.ts";
import { startTestDaemon, type TestDaemon } from "./test-daemon.fake.ts";

let daemon: TestDaemon;
let count = 0;
/** Runs once, before the next commit that it is for. */
let meanwhile: { readonly isFor: (batch: Batch) => boolean; readonly run: () => Promise<unknown> } | undefined;

const agents = () => daemon.client.service(AgentCommandController);
const environments = () => daemon.client.service(EnvironmentCommandController);
const sessions = () => daemon.client.service(SessionCommandController);
const servers = () => daemon.client.service(McpServerCommandController);
const executions = () => daemon.client.service(AgentExecutionCommandController);
const fresh = (prefix: string): string => `${prefix}-${++count}`;
const nameOf = (one: { readonly metadata?: { readonly name: string } | undefined }): string => one.metadata?.name ?? "";
const makeEnvironment = (): Promise<Environment> =>
  environments().create({ metadata: { name: fresh("env") }, spec: {} });

beforeAll(async () => {
  daemon = await startTestDaemon({
    async openStore(options) {
      const store = await openLevelStore(options);
      return {
        ...store,
        async commit(batch, preconditions) {
          const now = meanwhile?.isFor(batch) ? meanwhile : undefined;
          if (now) meanwhile = undefined;
          await now?.run();
          return await store.commit(batch, preconditions);
        },
      };
    },
  });
});
afterAll(() => daemon[Symbol.asyncDispose]());

async function naming(environment: Environment, more: { readonly model?: string } = {}) {
  const spec = { environments: [nameOf(environment)], ...more };
  return await createAgent(daemon.client, { name: fresh("agent"), spec });
}

describe("a delete of what others name", () => {
  it("is refused of an environment that an agent names, and says which; not once the agent is gone", async () => {
    const environment = await makeEnvironment();
    const agent = await naming(environment);

    const fault = await refused(environments().delete({ id: idOf(environment) }));
    await agents().delete({ id: idOf(agent) });
    await environments().delete({ id: idOf(environment) });

    expect(fault).toMatchObject({ kind: "precondition", reason: "RESOURCE_IN_USE" });
    expect(fault.facts).toMatchObject({ name: nameOf(environment), resources: `Agent/${nameOf(agent)}` });
    expect(fault.message).toContain(`agent "${nameOf(agent)}"`);
  });

  it("goes through once the agent names it no more", async () => {
    const environment = await makeEnvironment();
    const agent = await naming(environment);
    const spec = { instructions: "help" };

    await agents().update({ metadata: { name: nameOf(agent), resourceVersion: versionOf(agent) }, spec });

    expect(idOf(await environments().delete({ id: idOf(environment) }))).toBe(idOf(environment));
  });

  it("is not refused of an environment that only a session names: each execution makes one", async () => {
    const environment = await makeEnvironment();
    const agent = await createAgent(daemon.client, { name: fresh("agent") });
    const spec = { agent: nameOf(agent), environments: [nameOf(environment)] };
    await sessions().create({ metadata: { name: fresh("session") }, spec });

    expect(idOf(await environments().delete({ id: idOf(environment) }))).toBe(idOf(environment));
  });

  it("is refused of an environment that an unfinished execution names, unless it is told to leave it", async () => {
    const environment = await makeEnvironment();
    const execution = await running(environment);

    const fault = await refused(environments().delete({ id: idOf(environment) }));
    await environments().delete({ id: idOf(environment), running: RunningPolicy.LEAVE });

    expect(fault).toMatchObject({ reason: "RESOURCE_IN_USE", facts: { executions: idOf(execution) } });
  });

  it("is not refused for an execution that has ended", async () => {
    const environment = await makeEnvironment();
    const execution = await running(environment);

    await executions().cancel({ id: idOf(execution) });

    expect(idOf(await environments().delete({ id: idOf(environment) }))).toBe(idOf(environment));
  });

  it("is refused of a server and of a skill that an agent names", async () => {
    const server = await createServer(daemon.client, fresh("server"));
    const skills = daemon.client.service(SkillCommandController);
    const skill = await createSkill(daemon.client, "notes", { "SKILL.md": skillMd("notes") });
    const spec = { skills: [{ name: nameOf(skill) }] };
    const agent = await createAgent(daemon.client, { name: fresh("agent"), servers: [nameOf(server)], spec });

    const faults = [
      await refused(servers().delete({ id: idOf(server) })),
      await refused(skills.delete({ id: idOf(skill) })),
    ];

    for (const fault of faults)
      expect(fault).toMatchObject({ reason: "RESOURCE_IN_USE", facts: { resources: `Agent/${nameOf(agent)}` } });
  });

  it("is not refused for what goes along", async () => {
    const environment = await makeEnvironment();
    const ownerRefs = [{ kind: "Environment", id: idOf(environment) }];
    const metadata = { name: fresh("agent"), ownerRefs };
    const spec = { instructions: "help", environments: [nameOf(environment)] };
    const agent = await agents().create({ metadata, spec });

    await environments().delete({ id: idOf(environment) });

    expect((await refused(agents().delete({ id: idOf(agent) }))).reason).toBe("RESOURCE_DELETED");
  });

  it("tells of a bounded number of those that name it", async () => {
    const environment = await makeEnvironment();
    for (let more = 0; more < 8; more++) await naming(environment);

    const fault = await refused(environments().delete({ id: idOf(environment) }));

    expect(fault.facts.resources?.split(", ")).toHaveLength(5);
    expect(fault.message).toContain("and others");
  });
});

describe("a delete and what names it at the same moment", () => {
  it("is refused where an agent came to name it after it was looked at", async () => {
    const environment = await makeEnvironment();
    const isFor = ({ deletes = [] }: Batch): boolean => deletes.some(({ id }) => id === idOf(environment));
    meanwhile = { isFor, run: () => naming(environment) };

    const fault = await refused(environments().delete({ id: idOf(environment) }));

    expect(fault).toMatchObject({ reason: "RESOURCE_IN_USE" });
  });

  it("refuses the agent where it was deleted after it was looked at", async () => {
    const environment = await makeEnvironment();
    const isFor = ({ puts = [] }: Batch): boolean => puts.some(({ kind }) => kind === "Agent");
    meanwhile = { isFor, run: () => environments().delete({ id: idOf(environment) }) };

    const fault = await refused(naming(environment));

    expect(fault).toMatchObject({
      reason: "REFERENCE_NOT_FOUND",
      violations: [{ field: "spec.environments[0]" }],
    });
  });

  it("leaves nothing that names what is gone, however they meet", async () => {
    for (let round = 0; round < 20; round++) {
      const environment = await makeEnvironment();

      const outcomes = await Promise.allSettled([
        naming(environment),
        environments().delete({ id: idOf(environment) }),
        naming(environment),
      ]);

      const [first, deleted, second] = outcomes.map(({ status }) => status === "fulfilled");
      expect([first && deleted, second && deleted]).toEqual([false, false]);
    }
  });
});

describe("what names something that is gone", () => {
  it("is refused when it is made, in lists too", async () => {
    const fault = await refused(
      createAgent(daemon.client, { name: fresh("agent"), spec: { environments: ["none-such"] } }),
    );

    expect(fault).toMatchObject({
      reason: "REFERENCE_NOT_FOUND",
      violations: [{ field: "spec.environments[0]", description: 'there is no Environment "none-such"' }],
    });
  });

  it("comes back by undelete, and says what is missing when it is used", async () => {
    const server = await createServer(daemon.client, fresh("server"));
    const model = daemon.script([]);
    const agent = await createAgent(daemon.client, { name: fresh("agent"), model, servers: [nameOf(server)] });
    await agents().delete({ id: idOf(agent) });
    await servers().delete({ id: idOf(server) });

    await agents().undelete({ id: idOf(agent) });
    const fault = await refused(
      executions().create({ metadata: {}, spec: { agent: nameOf(agent), message: "hello" } }),
    );

    expect(fault.message).toContain(nameOf(server));
  });

  it("is not handed on to a fork", async () => {
    const environment = await makeEnvironment();
    const agent = await naming(environment, { model: daemon.script([]) });
    const { metadata } = await executions().create({ metadata: {}, spec: { agent: nameOf(agent), message: "hello" } });
    const id = metadata?.id ?? "";
    await executions().cancel({ id });
    const now = { name: nameOf(agent), resourceVersion: versionOf(agent) };
    await agents().update({ metadata: now, spec: { instructions: "help" } });
    await environments().delete({ id: idOf(environment) });

    const fork = await executions().fork({ id, sequence: 1n });

    const [created] = valuesOf(await eventsOf(daemon.client, idOf(fork)), "created");
    expect(created?.spec?.environments).toEqual([nameOf(environment)]);
  });

  it("keeps what is there still once it is undeleted", async () => {
    const environment = await makeEnvironment();
    const agent = await naming(environment);
    await agents().delete({ id: idOf(agent) });

    await agents().undelete({ id: idOf(agent) });

    expect((await refused(environments().delete({ id: idOf(environment) }))).reason).toBe("RESOURCE_IN_USE");
  });
});

/** An execution that names an environment itself, and is not finished. */
async function running(environment: Environment): Promise<AgentExecution> {
  const agent = await createAgent(daemon.client, { name: fresh("agent"), model: daemon.script([]) });
  const spec = { agent: nameOf(agent), message: "hello", environments: [nameOf(environment)] };
  return await executions().create({ metadata: {}, spec });
}
