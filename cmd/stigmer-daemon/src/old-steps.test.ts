import { afterEach, beforeEach, expect, it } from "vitest";
import { allOf } from "./all-of.fake.ts";
import { drive, generate } from "./driven.fake.ts";
import { type ModelServer, startModelServer } from "./model-server.fake.ts";
import { refused } from "./refused.fake.ts";
import { createAgent } from "./resources.fake.ts";
import { startTestDaemon, type TestDaemon } from "./test-daemon.fake.ts";

/** More than an execution's state holds. */
const MANY = 70;

let daemon: TestDaemon;
let provider: ModelServer;

beforeEach(async () => {
  provider = await startModelServer();
  daemon = await startTestDaemon();
  daemon.configure(provider.config);
  await createAgent(daemon.client, { model: "held/m" });
});
afterEach(async () => {
  await daemon[Symbol.asyncDispose]();
  await provider[Symbol.asyncDispose]();
});

it("are not made again, however many have come after them, nor is another request taken for them", async () => {
  const { lease } = await drive(daemon.client, "held/m");
  for (let at = 0; at < MANY; at++) {
    const told = allOf(generate(daemon.client, lease, { stepKey: `step/${at}` }));
    (await provider.next()).finish();
    await told;
  }

  await allOf(generate(daemon.client, lease, { stepKey: "step/0" }));
  const fault = await refused(allOf(generate(daemon.client, lease, { stepKey: "step/1", text: "something else" })));

  expect(provider.count).toBe(MANY);
  expect(fault.reason).toBe("STEP_DIVERGED");
});
