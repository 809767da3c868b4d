import { clone } from "@bufbuild/protobuf";
import {
  type Agent,
  AgentCommandController,
  AgentExecutionCommandController,
  AgentQueryController,
  AgentSchema,
  SessionCommandController,
} from "@stigmer/contracts/agentic";
import { afterAll, beforeAll, expect, it } from "vitest";
import { refused } from "./refused.fake.ts";
import { createAgent, execute, idOf } from "./resources.fake.ts";
import { startTestDaemon, type TestDaemon } from "./test-daemon.fake.ts";

let daemon: TestDaemon;
let count = 0;

const agents = () => daemon.client.service(AgentCommandController);
const read = (agent: Agent, revision = ""): Promise<Agent> =>
  daemon.client.service(AgentQueryController).getByReference({ name: agent.metadata?.name ?? "", revision });
const make = (): Promise<Agent> => createAgent(daemon.client, { name: `agent-${++count}` });
const change = (agent: Agent, instructions: string): Promise<Agent> => {
  const next = clone(AgentSchema, agent);
  if (next.spec) next.spec.instructions = instructions;
  return agents().update(next);
};
const revisionOf = (agent: Agent): string => agent.status?.revision ?? "";

beforeAll(async () => {
  daemon = await startTestDaemon();
});
afterAll(() => daemon[Symbol.asyncDispose]());

it("resolves every spec that was applied by its digest, for ever", async () => {
  const first = await make();
  const second = await change(first, "two");
  const third = await change(second, "three");
  const back = await change(third, "two");

  const specs = await Promise.all([first, second, third].map((agent) => read(agent, revisionOf(agent))));

  expect(specs.map(({ spec }) => spec?.instructions)).toEqual(["help", "two", "three"]);
  expect(revisionOf(back)).toBe(revisionOf(second));
  await daemon.stop();
  await daemon.start();
  expect((await read(first, revisionOf(first))).spec).toEqual(first.spec);
});

it("resolves a tag to the revision that it was given to, until it moves", async () => {
  const first = await make();
  const tagged = await agents().tag({ id: idOf(first), tag: "stable" });
  const second = await change(first, "two");

  const old = await read(first, "stable");
  await agents().tag({ id: idOf(first), tag: "stable", revision: revisionOf(second) });
  const moved = await read(first, "stable");
  await agents().tag({ id: idOf(first), tag: "oldest", revision: revisionOf(first) });
  await agents().tag({ id: idOf(first), tag: "stable", revision: "oldest" });

  expect(revisionOf(tagged)).toBe(revisionOf(first));
  expect([old, moved, await read(first, "stable")].map(({ spec }) => spec?.instructions)).toEqual([
    "help",
    "two",
    "help",
  ]);
});

it.each([[`sha256:${"0".repeat(64)}`], ["never-given"]])("finds no revision %s", async (revision) => {
  const agent = await make();

  const faults = [
    await refused(read(agent, revision)),
    await refused(agents().tag({ id: idOf(agent), tag: "t", revision })),
  ];

  for (const fault of faults) expect(fault).toMatchObject({ reason: "RESOURCE_NOT_FOUND", facts: { revision } });
});

it.each(["", "sha256:12", "-x", "a b", "ü", "x".repeat(64)])("refuses the tag %j", async (tag) => {
  const agent = await make();

  const fault = await refused(agents().tag({ id: idOf(agent), tag }));

  expect(fault).toMatchObject({ reason: "INVALID_REQUEST", violations: [{ field: "tag" }] });
});

it("does not take what only labels change for a revision", async () => {
  const first = await make();

  const next = clone(AgentSchema, first);
  Object.assign(next.metadata ?? {}, { labels: { a: "b" } });
  const labelled = await agents().update(next);

  expect(revisionOf(labelled)).toBe(revisionOf(first));
  expect((await read(first, revisionOf(first))).metadata?.labels).toEqual({ a: "b" });
});

it("pins a session to the revision that it begins with, and its executions to the session's", async () => {
  const agent = await make();
  const name = agent.metadata?.name ?? "";
  const session = await daemon.client
    .service(SessionCommandController)
    .create({ metadata: { name: `pinned-${++count}` }, spec: { agent: name } });
  const second = await change(agent, "two");
  const model = daemon.script([{ text: "hi" }]);

  const inSession = await execute(daemon.client, { sessionId: idOf(session), model });
  const fresh = await execute(daemon.client, { agent: name, model });
  const asked = await daemon.client
    .service(AgentExecutionCommandController)
    .create({ metadata: {}, spec: { agent: name, agentRevision: revisionOf(agent), message: "hello", model } });

  expect(session.status?.agentRevision).toBe(revisionOf(agent));
  expect([inSession, fresh, asked].map(({ status }) => status?.agentRevision)).toEqual([
    revisionOf(agent),
    revisionOf(second),
    revisionOf(agent),
  ]);
});

it("refuses a session of a revision that the agent never had", async () => {
  const agent = await make();

  const fault = await refused(
    daemon.client
      .service(SessionCommandController)
      .create({ metadata: { name: "x" }, spec: { agent: agent.metadata?.name ?? "", agentRevision: "nightly" } }),
  );

  expect(fault).toMatchObject({ reason: "REFERENCE_NOT_FOUND", violations: [{ field: "spec.agentRevision" }] });
});

it("forgets revisions and tags when the resource is purged", async () => {
  const first = await make();
  await agents().tag({ id: idOf(first), tag: "v1" });
  await change(first, "two");
  await agents().delete({ id: idOf(first) });
  await agents().purge({ id: idOf(first) });

  const again = await createAgent(daemon.client, { name: first.metadata?.name ?? "" });

  expect((await refused(read(again, "v1"))).reason).toBe("RESOURCE_NOT_FOUND");
});
