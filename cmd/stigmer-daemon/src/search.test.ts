import { AgentCommandController, McpServerCommandController } from "@stigmer/contracts/agentic";
import { ApiResourceQueryController } from "@stigmer/contracts/commons";
import { afterAll, beforeAll, expect, it } from "vitest";
import { refused } from "./refused.fake.ts";
import { startTestDaemon, type TestDaemon } from "./test-daemon.fake.ts";

let daemon: TestDaemon;
const search = (query: string, more: object = {}) =>
  daemon.client.service(ApiResourceQueryController).search({ query, ...more });

beforeAll(async () => {
  daemon = await startTestDaemon();
  const agents = daemon.client.service(AgentCommandController);
  const spec = { instructions: "nobody finds this word: needle" };
  await agents.create({ metadata: { name: "writer", displayName: "Schöner Writer" }, spec });
  await agents.create({
    metadata: { name: "reader", labels: { team: "Docs" } },
    spec: { ...spec, description: "Reads what a writer WROTE" },
  });
  await daemon.client.service(McpServerCommandController).create({
    metadata: { name: "writer" },
    spec: { transport: { case: "stdio", value: { command: "server" } } },
  });
});
afterAll(() => daemon[Symbol.asyncDispose]());

it("finds resources of every kind by words in any case, in order of kind, and says where", async () => {
  const { hits } = await search("WRITER");

  expect(hits.map(({ kind, name, path }) => [kind, name, path])).toEqual([
    ["Agent", "writer", "metadata.name"],
    ["Agent", "reader", "spec.description"],
    ["McpServer", "writer", "metadata.name"],
  ]);
  expect(hits[0]).toMatchObject({ displayName: "Schöner Writer", id: expect.stringMatching(/^agt_/) });
  expect(hits[0]?.updateTime).toBeDefined();
});

it.each([
  ["schöner writer", ["writer"]],
  ["wrote  reader", ["reader"]],
  ["docs", ["reader"]],
  ["team=docs", ["reader"]],
  ["writer nowhere", []],
  ["needle", []],
])("finds what has all of the words %j", async (query, names) => {
  expect((await search(query)).hits.map(({ name }) => name)).toEqual(names);
});

it("looks only into the kinds that are asked for, and knows no others", async () => {
  const { hits } = await search("writer", { kinds: ["McpServer"] });
  const fault = await refused(search("writer", { kinds: ["McpServer", "Nonsense"] }));

  expect(hits.map(({ kind }) => kind)).toEqual(["McpServer"]);
  expect(fault).toMatchObject({ reason: "KIND_UNKNOWN", violations: [{ field: "kinds[1]" }] });
});

it("goes on page by page, with a token that no other search takes", async () => {
  const first = await search("writer", { pageSize: 1 });
  const second = await search("writer", { pageSize: 1, pageToken: first.nextPageToken });
  const rest = await search("writer", { pageToken: second.nextPageToken });

  expect([first, second, rest].flatMap(({ hits }) => hits.map(({ kind, name }) => `${kind} ${name}`))).toEqual([
    "Agent writer",
    "Agent reader",
    "McpServer writer",
  ]);
  expect(rest.nextPageToken).toBe("");
  expect((await refused(search("reader", { pageToken: first.nextPageToken }))).reason).toBe("PAGE_TOKEN_INVALID");
});

it("refuses to look for nothing", async () => {
  for (const query of ["", "   ", "x".repeat(257)]) {
    expect(await refused(search(query))).toMatchObject({ reason: "INVALID_REQUEST", violations: [{ field: "query" }] });
  }
});
