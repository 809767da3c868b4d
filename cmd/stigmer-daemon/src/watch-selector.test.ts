import { type Agent, AgentCommandController, type AgentEvent, AgentQueryController } from "@stigmer/contracts/agentic";
import { WatchEventType as Type } from "@stigmer/contracts/commons";
import { afterEach, beforeEach, expect, it } from "vitest";
import { refused } from "./refused.fake.ts";
import { idOf, versionOf } from "./resources.fake.ts";
import { startTestDaemon, type TestDaemon } from "./test-daemon.fake.ts";

let daemon: TestDaemon;

beforeEach(async () => {
  daemon = await startTestDaemon();
});
afterEach(() => daemon[Symbol.asyncDispose]());

const commands = () => daemon.client.service(AgentCommandController);
const create = (name: string, env: string, model = "") =>
  commands().create({ metadata: { name, labels: { env } }, spec: { instructions: "help", model } });
const change = (agent: Agent, env: string, model = "") =>
  commands().update({
    metadata: { name: agent.metadata?.name ?? "", resourceVersion: versionOf(agent), labels: { env } },
    spec: { instructions: "help", model },
  });

it("tells of what comes to match as added, and of what no longer does as deleted", async () => {
  await create("other", "prod");
  const mover = await create("mover", "dev");
  const watch = watchAgents({ labelSelector: "env=dev", sendInitial: true });
  const initial = await watch.take(2);

  await create("unseen", "prod");
  const left = await change(mover, "prod");
  const still = await change(left, "test");
  const back = await change(still, "dev");
  const moved = await change(back, "dev", "a/b");
  await commands().delete({ id: idOf(moved) });
  const changes = await watch.take(4);

  expect(told([...initial, ...changes])).toEqual([
    [Type.ADDED, "mover"],
    [Type.BOOKMARK, undefined],
    [Type.DELETED, "mover"],
    [Type.ADDED, "mover"],
    [Type.MODIFIED, "mover"],
    [Type.DELETED, "mover"],
  ]);
  expect(changes[0]?.object?.metadata?.labels).toEqual({ env: "prod" });
});

it("does the same for a filter", async () => {
  const watch = watchAgents({ filter: 'spec.model = "ollama/*"', sendInitial: true });
  await watch.take(1);

  const made = await create("a", "dev", "ollama/one");
  const same = await change(made, "prod", "ollama/two");
  await change(same, "prod", "openai/gpt");

  expect(told(await watch.take(3))).toEqual([
    [Type.ADDED, "a"],
    [Type.MODIFIED, "a"],
    [Type.DELETED, "a"],
  ]);
});

it("goes on from a token without a gap, also over what it did not show", async () => {
  const { resumeToken: listed } = await daemon.client.service(AgentQueryController).list({ labelSelector: "env=dev" });
  const made = await create("a", "dev");
  const [first] = await watchAgents({ labelSelector: "env=dev", resumeToken: listed }).take(1);
  await create("unseen", "prod");
  await change(made, "prod");

  const later = await watchAgents({ labelSelector: "env=dev", resumeToken: first?.resumeToken ?? "" }).take(1);

  expect(told([...(first ? [first] : []), ...later])).toEqual([
    [Type.ADDED, "a"],
    [Type.DELETED, "a"],
  ]);
});

it("gives many watches the same changes, each with a token of its own selection", async () => {
  const selectors = Array.from({ length: 20 }, (_, at) => (at % 2 ? "env=dev" : `env in (dev, x${at})`));
  const watches = selectors.map((labelSelector) => watchAgents({ labelSelector, sendInitial: true }));
  await Promise.all(watches.map((watch) => watch.take(1)));

  const made = await create("a", "dev");
  await change(made, "dev", "a/b");
  const seen = await Promise.all(watches.map((watch) => watch.take(2)));

  for (const [at, events] of seen.entries()) {
    expect(told(events)).toEqual([
      [Type.ADDED, "a"],
      [Type.MODIFIED, "a"],
    ]);
    const resumeToken = events[0]?.resumeToken ?? "";
    const again = await watchAgents({ labelSelector: selectors[at] ?? "", resumeToken }).take(1);
    expect(told(again)).toEqual([[Type.MODIFIED, "a"]]);
  }
});

it("refuses a selector and a filter that are wrong", async () => {
  const selector = await refused(watchAgents({ labelSelector: "env in" }).take(1));
  const filter = await refused(watchAgents({ filter: "nonsense = 1" }).take(1));

  expect(selector).toMatchObject({ reason: "INVALID_REQUEST", violations: [{ field: "labelSelector" }] });
  expect(filter).toMatchObject({ reason: "INVALID_REQUEST", violations: [{ field: "filter" }] });
});

type Request = {
  readonly labelSelector?: string;
  readonly filter?: string;
  readonly sendInitial?: boolean;
  readonly resumeToken?: string;
};

function watchAgents(request: Request) {
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
  };
}

function told(events: readonly AgentEvent[]) {
  return events.map(({ type, object }) => [type, object?.metadata?.name]);
}
