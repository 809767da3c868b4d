import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import {
  ModelCommandController,
  ModelQueryController,
  UsageGroup,
  type UsageResponse,
  type UsageRow,
} from "@stigmer/contracts/gateway";
import { afterEach, beforeEach, expect, it } from "vitest";
import { untilEnd } from "./journal.fake.ts";
import { startKitRunner } from "./kit-runner.fake.ts";
import { type ModelServer, startModelServer } from "./model-server.fake.ts";
import { refused } from "./refused.fake.ts";
import { createAgent, execute, idOf } from "./resources.fake.ts";
import { createSteppedClock, type SteppedClock } from "./stepped-clock.fake.ts";
import { startTestDaemon, type TestDaemon } from "./test-daemon.fake.ts";

const DAY_MS = 86_400_000;
const PRICE = "{ inputMicros: 1000000, outputMicros: 2000000 }";

let clock: SteppedClock;
let daemon: TestDaemon;
let server: ModelServer;

beforeEach(async () => {
  clock = createSteppedClock();
  daemon = await startTestDaemon({ clock });
  server = await startModelServer();
});
afterEach(async () => {
  await server[Symbol.asyncDispose]();
  await daemon[Symbol.asyncDispose]();
});

async function usage(
  request: Partial<{ groupBy: UsageGroup; from: number; to: number; pageSize: number; pageToken: string }>,
) {
  const { from, to, ...rest } = request;
  const times = {
    ...(from !== undefined && { from: timestampFromMs(from) }),
    ...(to !== undefined && { to: timestampFromMs(to) }),
  };
  return await daemon.client.service(ModelQueryController).usage({ ...rest, ...times });
}

function keysOf({ rows }: UsageResponse): string[] {
  return rows.map(({ key }) => key);
}

function figuresOf({ key, executions, calls, usage: used }: UsageRow) {
  return [key, Number(executions), Number(calls), Number(used?.outputTokens)];
}

/** One execution a day, whose answer has so many words. */
async function work(days: readonly { readonly agent: string; readonly words: number }[]): Promise<readonly number[]> {
  const times: number[] = [];
  for (const [at, { agent, words }] of days.entries()) {
    if (at > 0) clock.step(DAY_MS);
    times.push(clock.now());
    await using _ = startKitRunner(daemon); // one that was quiet for a day gets no work
    const model = daemon.script([{ text: "word ".repeat(words) }]);
    await untilEnd(daemon.client, idOf(await execute(daemon.client, { agent, model })));
  }
  return times;
}

it("sums up what executions used by agent, session, model and day", async () => {
  await createAgent(daemon.client, { name: "one" });
  await createAgent(daemon.client, { name: "two" });
  await work([
    { agent: "one", words: 5 },
    { agent: "two", words: 7 },
    { agent: "one", words: 9 },
  ]);

  const byAgent = await usage({ groupBy: UsageGroup.AGENT });

  expect(byAgent.rows.map(figuresOf)).toEqual([
    ["one", 2, 2, 14],
    ["two", 1, 1, 7],
  ]);
  expect(byAgent.total && figuresOf(byAgent.total)).toEqual(["", 3, 3, 21]);
  const days = [0, 1, 2].map((ago) => new Date(clock.now() - ago * DAY_MS).toISOString().slice(0, 10));
  expect(keysOf(await usage({ groupBy: UsageGroup.DAY }))).toEqual(days);
  expect((await usage({ groupBy: UsageGroup.SESSION })).rows.map(({ key }) => key.slice(0, 4))).toEqual([
    "ses_",
    "ses_",
    "ses_",
  ]);
  expect((await usage({ groupBy: UsageGroup.MODEL })).rows.map(({ calls }) => calls)).toEqual([1n, 1n, 1n]);
  expect((await usage({})).rows.map(figuresOf)).toEqual([["", 3, 3, 21]]);
});

it("counts executions by when they were made", async () => {
  await createAgent(daemon.client, { name: "one" });
  const [first = 0, second = 0, third = 0] = await work([1, 2, 4].map((words) => ({ agent: "one", words })));
  const words = async (times: { from?: number; to?: number }) =>
    Number((await usage(times)).total?.usage?.outputTokens);

  const sums = [
    await words({ from: second }),
    await words({ to: second }),
    await words({ from: second, to: third }),
    await words({ from: first - DAY_MS, to: first }),
  ];

  expect(sums).toEqual([6, 1, 2, 0]);
});

it("gives a report page by page, each row once, and refuses a token of another report", async () => {
  for (const name of ["a", "b", "c"]) await createAgent(daemon.client, { name });
  await work(["a", "b", "c"].map((agent) => ({ agent, words: 3 })));
  const asked = { groupBy: UsageGroup.AGENT, pageSize: 2 };

  const first = await usage(asked);
  const second = await usage({ ...asked, pageToken: first.nextPageToken });
  const fault = await refused(usage({ groupBy: UsageGroup.DAY, pageToken: first.nextPageToken }));

  expect([keysOf(first), keysOf(second), second.nextPageToken]).toEqual([["a", "b"], ["c"], ""]);
  expect(second.total).toEqual(first.total);
  expect(fault.reason).toBe("PAGE_TOKEN_INVALID");
});

it("lists the models of providers that answer, and says why another does not", async () => {
  await using listing = await startListing(["small", "large"]);
  daemon.configure(
    `model: mine/small\nproviders: { mine: { baseUrl: "${listing.baseUrl}", contextWindow: 4096 }, gone: { baseUrl: "http://127.0.0.1:9/v1" } }\nprices: { mine/small: ${PRICE} }\n`,
  );

  const listed = await daemon.client.service(ModelQueryController).list({});
  const narrowed = await daemon.client.service(ModelQueryController).list({ provider: "mine" });

  expect(listed.defaultModel).toBe("mine/small");
  const mine = listed.models.filter(({ model }) => model.startsWith("mine/"));
  expect(mine[0]?.price).toBeUndefined();
  expect(mine).toMatchObject([
    { model: "mine/large", contextWindow: 4_096n },
    { model: "mine/small", price: { inputMicros: 1_000_000n, outputMicros: 2_000_000n, source: "config.yaml" } },
  ]);
  const gone = listed.providers.find(({ provider }) => provider === "gone");
  expect(gone).toMatchObject({ reachable: false, error: { reason: "PROVIDER_UNAVAILABLE" } });
  expect(narrowed.providers).toMatchObject([{ provider: "mine", reachable: true }]);
});

it("names what to set for a provider that is asked for and not set up", async () => {
  const { providers } = await daemon.client.service(ModelQueryController).list({ provider: "openai" });

  expect(providers).toMatchObject([
    { provider: "openai", reachable: false, error: { reason: "PROVIDER_NOT_CONFIGURED" } },
  ]);
  expect(providers[0]?.error?.message).toContain("OPENAI_API_KEY");
});

it("tries a model out, and says what it said, how long it took and what it cost", async () => {
  daemon.configure(`${server.config}prices: { held/*: ${PRICE} }\nmodel: held/m\n`);
  const tested = daemon.client.service(ModelCommandController).test({});
  const call = await server.next();
  call.say("ready");
  call.finish();

  expect(await tested).toMatchObject({ model: "held/m", text: "ready", usage: { unpricedCalls: 0 } });
  expect((await tested).error).toBeUndefined();
  expect((await tested).timeToFirstTokenMs).toBeGreaterThan(0n);
});

it.each([
  ["does not answer", "gone/m", "PROVIDER_UNAVAILABLE"],
  ["is not set up", "openai/gpt-5", "PROVIDER_NOT_CONFIGURED"],
  ["has no script", "scripted/nowhere.yaml", "PROVIDER_REFUSED"],
])("answers with what is wrong where a model's provider %s", async (_, model, reason) => {
  daemon.configure('providers: { gone: { baseUrl: "http://127.0.0.1:9/v1" } }');

  expect(await daemon.client.service(ModelCommandController).test({ model })).toMatchObject({
    model,
    error: { reason },
  });
});

it("refuses to try a model out where none is named and none is set", async () => {
  expect(await refused(daemon.client.service(ModelCommandController).test({}))).toMatchObject({
    reason: "MODEL_NOT_SET",
  });
});

it("does not say a provider's key again that the provider says back", async () => {
  const key = "sk-held-0123456789abcdef";
  await using keyed = await startTestDaemon({ env: { HELD_KEY: key } });
  keyed.configure(`${server.config.replace(" } }", ", apiKeyEnv: HELD_KEY } }")}model: held/m\n`);
  const tested = keyed.client.service(ModelCommandController).test({});
  const call = await server.next();
  call.say(`your key is ${key}, is it not`);
  call.finish();

  expect((await tested).text).toBe("your key is ***, is it not");
});

it("asks a model once for one idempotency key", async () => {
  daemon.configure(`${server.config}model: held/m\n`);
  const test = () => daemon.client.service(ModelCommandController).test({}, { headers: { "idempotency-key": "k1" } });
  const first = test();
  const call = await server.next();
  call.say("ready");
  call.finish();

  const answered = await first;

  expect(await test()).toEqual(answered);
  expect(server.count).toBe(1);
});

/** A server that says which models it has. */
async function startListing(names: readonly string[]) {
  const { createServer } = await import("node:http");
  const http = createServer((request, response) => {
    response.writeHead(request.method === "GET" ? 200 : 404, { "content-type": "application/json" });
    response.end(JSON.stringify({ object: "list", data: names.map((id) => ({ id, object: "model" })) }));
  });
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  const address = http.address();
  const port = typeof address === "object" ? address?.port : 0;
  return {
    baseUrl: `http://127.0.0.1:${port}/v1`,
    async [Symbol.asyncDispose]() {
      http.closeAllConnections();
      await new Promise((resolve) => http.close(resolve));
    },
  };
}
