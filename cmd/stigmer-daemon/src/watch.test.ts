import { rmSync } from "node:fs";
import { join } from "node:path";
import {
  AgentCommandController,
  type AgentEvent,
  AgentQueryController,
  McpServerQueryController,
} from "@stigmer/contracts/agentic";
import { WatchEventType as Type } from "@stigmer/contracts/commons";
import { afterEach, beforeEach, expect, it } from "vitest";
import { refused } from "./refused.fake.ts";
import { createAgent, createServer, idOf, versionOf } from "./resources.fake.ts";
import { startTestDaemon, type TestDaemon } from "./test-daemon.fake.ts";

let daemon: TestDaemon;

beforeEach(async () => {
  daemon = await startTestDaemon();
});
afterEach(() => daemon[Symbol.asyncDispose]());

it("begins with what is there and a bookmark, then tells each change once", async () => {
  const there = await createAgent(daemon.client, { name: "there" });
  const watch = watchAgents({ sendInitial: true });
  const initial = await watch.take(2);

  await createServer(daemon.client, "not-watched");
  const made = await createAgent(daemon.client, { name: "made" });
  await daemon.client.service(AgentCommandController).update({
    metadata: { name: "made", resourceVersion: versionOf(made) },
    spec: { instructions: "more" },
  });
  await daemon.client.service(AgentCommandController).delete({ id: idOf(there) });
  const changes = await watch.take(3);

  expect(told([...initial, ...changes])).toEqual([
    [Type.ADDED, "there"],
    [Type.BOOKMARK, undefined],
    [Type.ADDED, "made"],
    [Type.MODIFIED, "made"],
    [Type.DELETED, "there"],
  ]);
  expect(changes[1]?.object?.spec?.instructions).toBe("more");
});

it("resumes after the event, the bookmark or the list that carried the token, without a gap", async () => {
  const watch = watchAgents({ sendInitial: true });
  const [bookmark] = await watch.take(1);
  const list = await daemon.client.service(AgentQueryController).list({});
  for (const name of ["a", "b", "c"]) await createAgent(daemon.client, { name });
  const [first] = await watch.take(3);
  await watch.end();

  const tokens = [bookmark?.resumeToken ?? "", list.resumeToken, first?.resumeToken ?? ""];
  const resumed = await Promise.all(
    tokens.map((resumeToken, at) => watchAgents({ resumeToken }).take(at === 2 ? 2 : 3)),
  );

  expect(resumed.map((events) => events.map(({ object }) => object?.metadata?.name))).toEqual([
    ["a", "b", "c"],
    ["a", "b", "c"],
    ["b", "c"],
  ]);
});

it("misses nothing of what is written while it begins", async () => {
  const names = Array.from({ length: 40 }, (_, at) => `agent-${at}`);

  const writing = names.map((name) => createAgent(daemon.client, { name }));
  const events = await watchAgents({ sendInitial: true }).take(41);
  await Promise.all(writing);

  const seen = events.flatMap(({ object }) => object?.metadata?.name ?? []);
  expect(seen.sort()).toEqual(names.sort());
});

it("refuses a token that no watch made, and one together with the beginning", async () => {
  const { resumeToken: token } = await daemon.client.service(AgentQueryController).list({});
  const flipped = `${token.startsWith("B") ? "A" : "B"}${token.slice(1)}`;
  const rubbish = ["rubbish", "-1", "7", "\0", token.slice(0, -4), `${token}A`, `${token}=`, flipped, `${token} `];

  const faults = await Promise.all(rubbish.map((resumeToken) => refused(watchAgents({ resumeToken }).take(1))));
  const both = await refused(watchAgents({ resumeToken: token, sendInitial: true }).take(1));

  for (const fault of faults)
    expect(fault).toMatchObject({ reason: "WATCH_TOKEN_INVALID", violations: [{ field: "resumeToken" }] });
  expect(both).toMatchObject({ reason: "INVALID_REQUEST", violations: [{ field: "sendInitial" }] });
});

it("refuses the token of another selection", async () => {
  const agents = daemon.client.service(AgentQueryController);
  const lists = [
    await agents.list({ labelSelector: "a" }),
    await agents.list({ filter: "metadata.name = a" }),
    await daemon.client.service(McpServerQueryController).list({}),
  ];

  const faults = await Promise.all(lists.map(({ resumeToken }) => refused(watchAgents({ resumeToken }).take(1))));

  for (const fault of faults) expect(fault).toMatchObject({ kind: "invalid", reason: "WATCH_TOKEN_INVALID" });
});

it("refuses a token of a store that was further on, and says from where to list anew", async () => {
  await createAgent(daemon.client);
  const { resumeToken } = await daemon.client.service(AgentQueryController).list({});
  await daemon.stop();
  rmSync(join(daemon.home, "data"), { recursive: true });
  await daemon.start();

  const fault = await refused(watchAgents({ resumeToken }).take(1));

  const { resourceVersion } = await daemon.client.service(AgentQueryController).list({});
  expect(fault).toMatchObject({
    kind: "expired",
    reason: "WATCH_TOKEN_EXPIRED",
    facts: { relist_from: resourceVersion },
  });
});

it("ends as unavailable when the daemon stops", async () => {
  const watch = watchAgents({ sendInitial: true });
  await watch.take(1);

  const [fault] = await Promise.all([refused(watch.take(1)), daemon.stop()]);

  expect(fault).toMatchObject({ kind: "unavailable", reason: "SHUTTING_DOWN" });
});

function watchAgents(request: { readonly sendInitial?: boolean; readonly resumeToken?: string }) {
  const source = daemon.client.service(AgentQueryController).watch(request)[Symbol.asyncIterator]();
  return {
    async take(count: number): Promise<AgentEvent[]> {
      const events: AgentEvent[] = [];
      while (events.length < count) {
        const { done, value } = await source.next();
        if (done) throw new Error(`the watch ended after ${events.length} of ${count} events`);
        events.push(value);
      }
      return events;
    },
    end: () => source.return?.(undefined),
  };
}

function told(events: readonly AgentEvent[]) {
  return events.map(({ type, object }) => [type, object?.metadata?.name]);
}
