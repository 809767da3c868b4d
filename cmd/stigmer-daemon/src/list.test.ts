import {
  type Agent,
  AgentCommandController,
  AgentQueryController,
  RunnerQueryController,
} from "@stigmer/contracts/agentic";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { refused } from "./refused.fake.ts";
import { createAgent, versionOf } from "./resources.fake.ts";
import { startTestDaemon, type TestDaemon } from "./test-daemon.fake.ts";

const COUNT = 40;

let daemon: TestDaemon;
const agents = () => daemon.client.service(AgentQueryController);

beforeAll(async () => {
  daemon = await startTestDaemon();
  const commands = daemon.client.service(AgentCommandController);
  for (let at = 0; at < COUNT; at++) {
    await commands.create({
      metadata: {
        name: `agent-${at}`,
        labels: { env: ["dev", "test", "prod"][at % 3] ?? "", ...(at % 5 === 0 && { archived: "" }) },
      },
      spec: { instructions: "help", model: at % 2 ? `ollama/m${at}` : "openai/gpt" },
    });
  }
});
afterAll(() => daemon[Symbol.asyncDispose]());

describe("a list", () => {
  it.each([
    ["env=dev", (at: number) => at % 3 === 0],
    ["env in (dev, test), !archived", (at: number) => at % 3 < 2 && at % 5 !== 0],
    ["env notin (prod),archived", (at: number) => at % 3 < 2 && at % 5 === 0],
    ["absent", () => false],
  ])("is narrowed by the selector %j, in the order of ids, page by page", async (labelSelector, holds) => {
    expect(await namesIn({ labelSelector })).toEqual(namesWhere(holds));
  });

  it.each([
    ['spec.model = "ollama/*"', (at: number) => at % 2 === 1],
    ["spec.model = openai/gpt AND NOT metadata.name = agent-0", (at: number) => at % 2 === 0 && at > 0],
    ["metadata.name = agent-3 OR metadata.name = agent-4", (at: number) => at === 3 || at === 4],
    ["spec.model:m1", (at: number) => at % 2 === 1 && `m${at}`.startsWith("m1")],
    ['metadata.create_time > "2020-01-01T00:00:00Z" metadata.createdBy = tester', () => true],
    ['metadata.updateTime < "2020-01-01T00:00:00Z"', () => false],
  ])("is narrowed by the filter %j", async (filter, holds) => {
    expect(await namesIn({ filter })).toEqual(namesWhere(holds));
  });

  it("is narrowed by both at once", async () => {
    const wanted = namesWhere((at) => at % 3 === 0 && at % 2 === 1);

    expect(await namesIn({ labelSelector: "env=dev", filter: "spec.model:ollama" })).toEqual(wanted);
  });

  it("follows a resource whose fields and labels change", async () => {
    const made = await createAgent(daemon.client, { name: "mover", model: "a/one" });

    await daemon.client.service(AgentCommandController).update({
      metadata: { name: "mover", resourceVersion: versionOf(made), labels: { moved: "yes" } },
      spec: { instructions: "help", model: "a/two" },
    });

    expect(await namesIn({ filter: "spec.model = a/one" })).toEqual([]);
    expect(await namesIn({ filter: "spec.model = a/two", labelSelector: "moved=yes" })).toEqual(["mover"]);
    await daemon.client.service(AgentCommandController).delete({ id: made.metadata?.id ?? "" });
    expect(await namesIn({ filter: "spec.model = a/two" })).toEqual([]);
  });

  it("shows what is deleted where it is asked to, among the others in the order of ids", async () => {
    const commands = daemon.client.service(AgentCommandController);
    const made: Agent[] = [];
    for (const name of ["gone-1", "stays", "gone-2"]) {
      made.push(await commands.create({ metadata: { name, labels: { batch: "d" } }, spec: { instructions: "help" } }));
    }
    for (const at of [0, 2]) await commands.delete({ id: made[at]?.metadata?.id ?? "" });

    expect(await namesIn({ labelSelector: "batch=d" })).toEqual(["stays"]);
    expect(await namesIn({ labelSelector: "batch=d", showDeleted: true }, 1)).toEqual(["gone-1", "stays", "gone-2"]);
    expect(await namesIn({ filter: "metadata.name = gone-*", showDeleted: true })).toEqual(["gone-1", "gone-2"]);
  });

  it("finds by fields that have an index on kinds that the system makes", async () => {
    const { items } = await daemon.client.service(RunnerQueryController).list({ filter: "status.connected = true" });

    expect(items).toEqual([]);
  });

  it("finds what it found before the daemon was started again", async () => {
    const before = await namesIn({ labelSelector: "env=dev", filter: "spec.model:ollama" });
    await daemon.stop();
    await daemon.start();

    expect(await namesIn({ labelSelector: "env=dev", filter: "spec.model:ollama" })).toEqual(before);
  });
});

describe("a list is refused", () => {
  it.each([
    ["labelSelector", "env in (dev"],
    ["labelSelector", "env=\0"],
    [
      "labelSelector",
      Array.from({ length: 5_000 }, (_, at) => `a${at % 7}`)
        .join(",")
        .slice(0, 16_000),
    ],
    ["labelSelector", "a,".repeat(10_000)],
    ["filter", "spec.instructions = x"],
    ["filter", "metadata.createTime > 5"],
    ["filter", 'spec.model = "a\0"'],
    ["filter", `${"(".repeat(1_000)}spec.model = a${")".repeat(1_000)}`],
    ["filter", "(".repeat(20_000)],
  ])("with the %s %.40j", async (field, text) => {
    const fault = await refused(agents().list({ [field]: text }));

    expect(fault).toMatchObject({ kind: "invalid", reason: "INVALID_REQUEST", violations: [{ field }] });
  });

  it("with a selector that holds a lone surrogate, over JSON too", async () => {
    const answer = await fetch(`${daemon.url}/${AgentQueryController.typeName}/list`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: '{"labelSelector":"env=\\ud800"}',
    });

    expect(answer.status).toBe(400);
  });
});

describe("a version that an answer must not be older than", () => {
  it("is reached where a write or a list returned it", async () => {
    const { resourceVersion } = await agents().list({});
    const made = await createAgent(daemon.client, { name: "newer" });

    const answers = [resourceVersion, versionOf(made)].map((minResourceVersion) =>
      agents().list({ minResourceVersion }),
    );

    for (const { resourceVersion } of await Promise.all(answers)) expect(Number(resourceVersion)).toBeGreaterThan(0);
  });

  it("is refused where it is none, and where the backend does not reach it", async () => {
    const { resourceVersion: current } = await agents().list({ pageSize: 1 });
    const malformed = ["x", "-1", "1.5", " 1", "9".repeat(20)].map((minResourceVersion) =>
      refused(agents().list({ minResourceVersion })),
    );

    const faults = await Promise.all(malformed);
    const ahead = await refused(agents().list({ minResourceVersion: "999999999" }));

    for (const fault of faults)
      expect(fault).toMatchObject({ reason: "INVALID_REQUEST", violations: [{ field: "minResourceVersion" }] });
    expect(ahead).toMatchObject({ kind: "unavailable", reason: "VERSION_NOT_REACHED", facts: { current } });
  });

  it("holds for reading one resource too", async () => {
    const { metadata } = await createAgent(daemon.client, { name: "read-me" });
    const { id = "", name = "", resourceVersion: minResourceVersion = "" } = metadata ?? {};

    expect(await agents().get({ id, minResourceVersion })).toMatchObject({ metadata: { name } });
    const ahead = await Promise.all([
      refused(agents().get({ id, minResourceVersion: "999999999" })),
      refused(agents().getByReference({ name, minResourceVersion: "999999999" })),
    ]);
    for (const { reason } of ahead) expect(reason).toBe("VERSION_NOT_REACHED");
  });

  it("is waited for a moment", async () => {
    const { resourceVersion } = await agents().list({ pageSize: 1 });
    const next = agents().list({ minResourceVersion: `${Number(resourceVersion) + 1}`, labelSelector: "late" });

    await daemon.client
      .service(AgentCommandController)
      .create({ metadata: { name: "late", labels: { late: "" } }, spec: { instructions: "help" } });

    expect((await next).items.map(({ metadata }) => metadata?.name)).toEqual(["late"]);
  });
});

type Request = { readonly labelSelector?: string; readonly filter?: string; readonly showDeleted?: boolean };

async function namesIn(request: Request, pageSize = 7): Promise<string[]> {
  const names: string[] = [];
  let pageToken = "";
  do {
    const page = await agents().list({ ...request, pageSize, pageToken });
    names.push(...page.items.map(({ metadata }) => metadata?.name ?? ""));
    pageToken = page.nextPageToken;
  } while (pageToken);
  return names;
}

function namesWhere(holds: (at: number) => boolean): string[] {
  return Array.from({ length: COUNT }, (_, at) => at).flatMap((at) => (holds(at) ? [`agent-${at}`] : []));
}
