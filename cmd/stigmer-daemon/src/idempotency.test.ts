import { AgentCommandController, AgentQueryController, SessionCommandController } from "@stigmer/contracts/agentic";
import { afterAll, beforeAll, expect, it } from "vitest";
import { refused } from "./refused.fake.ts";
import { createAgent, execute, idOf, versionOf } from "./resources.fake.ts";
import { startTestDaemon, type TestDaemon } from "./test-daemon.fake.ts";

const DAY_MS = 24 * 60 * 60 * 1000;

let daemon: TestDaemon;
let now = Date.now();

beforeAll(async () => {
  daemon = await startTestDaemon({ clock: { now: () => now, monotonic: () => performance.now() } });
  await createAgent(daemon.client);
});
afterAll(() => daemon[Symbol.asyncDispose]());

it("answers a repeated command from the store, whatever has happened since", async () => {
  const agents = daemon.client.service(AgentCommandController);
  const create = { metadata: { name: "create" }, spec: { instructions: "help" } };
  const first = await agents.create(create, keyed("create"));
  const update = { metadata: { name: "create", resourceVersion: versionOf(first) }, spec: { instructions: "more" } };
  const second = await agents.update(update, keyed("update"));
  const last = await agents.delete({ id: idOf(first) }, keyed("delete"));

  const repeated = [
    await agents.create(create, keyed("create")),
    await agents.update(update, keyed("update")),
    await agents.delete({ id: idOf(first) }, keyed("delete")),
  ];

  expect(repeated).toEqual([first, second, last]);
});

it("answers a repeated start of an execution from the store", async () => {
  const model = daemon.script([{ text: "hi" }]);
  const request = { metadata: {}, spec: { agent: "helper", message: "hello", model } };
  const { AgentExecutionCommandController: Executions } = await import("@stigmer/contracts/agentic");
  const first = await daemon.client.service(Executions).create(request, keyed("execute"));

  const second = await daemon.client.service(Executions).create(request, keyed("execute"));

  expect(second).toEqual(first);
});

it("answers a repeated command after a restart", async () => {
  const request = { metadata: { name: "restart" }, spec: { instructions: "help" } };
  const first = await daemon.client.service(AgentCommandController).create(request, keyed("restart"));

  await daemon.stop();
  await daemon.start();

  expect(await daemon.client.service(AgentCommandController).create(request, keyed("restart"))).toEqual(first);
});

it("refuses a key that was used for another request, or another method", async () => {
  const request = { metadata: { name: "reused" }, spec: { instructions: "help" } };
  await daemon.client.service(AgentCommandController).create(request, keyed("reused"));

  const faults = [
    await refused(
      daemon.client
        .service(AgentCommandController)
        .create({ ...request, spec: { instructions: "other" } }, keyed("reused")),
    ),
    await refused(daemon.client.service(AgentCommandController).update(request, keyed("reused"))),
    await refused(
      daemon.client
        .service(SessionCommandController)
        .create({ metadata: { name: "reused" }, spec: { agent: "helper" } }, keyed("reused")),
    ),
  ];

  for (const fault of faults)
    expect(fault).toMatchObject({
      kind: "invalid",
      reason: "IDEMPOTENCY_KEY_REUSED",
      violations: [{ field: "idempotency-key" }],
    });
});

it("runs a command once, however often it comes at the same time", async () => {
  const request = { metadata: { generateName: "once-" }, spec: { instructions: "help" } };

  const answers = await Promise.all(
    Array.from({ length: 30 }, () => daemon.client.service(AgentCommandController).create(request, keyed("once"))),
  );

  expect(new Set(answers.map(idOf)).size).toBe(1);
  const { items } = await daemon.client.service(AgentQueryController).list({ pageSize: 1000 });
  expect(items.filter(({ metadata }) => metadata?.name.startsWith("once-"))).toHaveLength(1);
});

it("keeps the key of a command that had nothing to change", async () => {
  const agents = daemon.client.service(AgentCommandController);
  const made = await agents.create({ metadata: { name: "same" }, spec: { instructions: "help" } });
  const first = await agents.update(made, keyed("same"));
  await agents.update({
    metadata: { name: "same", resourceVersion: versionOf(made), displayName: "New" },
    spec: { instructions: "help" },
  });

  const repeated = await agents.update(made, keyed("same"));
  const { metadata } = made;
  const request = { ...(metadata && { metadata }), spec: { instructions: "x" } };
  const other = await refused(agents.update(request, keyed("same")));

  expect([first, repeated]).toEqual([made, made]);
  expect(other.reason).toBe("IDEMPOTENCY_KEY_REUSED");
});

it("forgets a command that was refused", async () => {
  const request = { metadata: { name: "later" }, spec: { agent: "comes-later" } };
  const sessions = daemon.client.service(SessionCommandController);
  const first = await refused(sessions.create(request, keyed("later")));
  await createAgent(daemon.client, { name: "comes-later" });

  const second = await sessions.create(request, keyed("later"));

  expect(first.reason).toBe("REFERENCE_NOT_FOUND");
  expect(second.metadata?.name).toBe("later");
});

it("refuses a key that is too long", async () => {
  const fault = await refused(
    daemon.client
      .service(AgentCommandController)
      .create({ metadata: { name: "long" }, spec: { instructions: "help" } }, keyed("k".repeat(129))),
  );

  expect(fault).toMatchObject({ reason: "INVALID_REQUEST", violations: [{ field: "idempotency-key" }] });
});

it("forgets a key after a day, whatever it was used for", async () => {
  const agents = daemon.client.service(AgentCommandController);
  const first = await agents.create(
    { metadata: { generateName: "daily-" }, spec: { instructions: "a" } },
    keyed("daily"),
  );
  now += DAY_MS - 1;
  const kept = await agents.create(
    { metadata: { generateName: "daily-" }, spec: { instructions: "a" } },
    keyed("daily"),
  );
  now += 1;

  const second = await agents.create(
    { metadata: { generateName: "daily-" }, spec: { instructions: "b" } },
    keyed("daily"),
  );

  expect(idOf(kept)).toBe(idOf(first));
  expect(idOf(second)).not.toBe(idOf(first));
});

it("runs commands without a key as often as they come", async () => {
  const model = daemon.script([{ text: "hi" }]);

  const [first, second] = [await execute(daemon.client, { model }), await execute(daemon.client, { model })];

  expect(idOf(first)).not.toBe(idOf(second));
});

function keyed(key: string) {
  return { headers: { "idempotency-key": key } };
}
