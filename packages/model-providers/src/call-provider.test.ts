import { createServer } from "node:net";
import { create } from "@bufbuild/protobuf";
import { type Fault, isFault } from "@stigmer/base";
import { FinishReason, MessageSchema, Role } from "@stigmer/contracts/agentic";
import { ToolSpecSchema } from "@stigmer/contracts/gateway";
import type { ModelAnswer } from "@stigmer/gateway/port";
import { openaiStandin, type Raw, type Standin, type StandinOptions } from "@stigmer/standins";
import { describe, expect, it } from "vitest";
import { asked, hearing } from "./asked.fake.ts";
import { type CallOptions, callProvider } from "./call-provider.ts";
import { chatDialect } from "./chat/dialect.ts";

const KEY = "sk-secret/0123456789";
const SCRIPT = {
  turns: [
    { text: "let me look", toolCalls: [{ name: "read", arguments: { path: "/tmp/ä😀", lines: [1, 2] } }] },
    { text: "it says hello" },
  ],
};
const USER = create(MessageSchema, { role: Role.USER, parts: [{ part: { case: "text", value: "what is in it?" } }] });

type Ask = { signal?: AbortSignal; onText?: (text: string) => void; history?: ModelAnswer["message"][] };

function driver(baseUrl: string, options: Partial<CallOptions> = {}) {
  const timeouts = { firstByteTimeoutMs: 10_000, idleTimeoutMs: 10_000 };
  const provider = callProvider(chatDialect({ official: false }), {
    name: "standin",
    baseUrl,
    apiKey: KEY,
    ...timeouts,
    ...options,
  });
  return ({ signal = new AbortController().signal, onText = () => {}, history = [] }: Ask = {}) =>
    provider.generate(
      asked({ model: "m1", messages: [USER, ...history], tools: [create(ToolSpecSchema, { name: "read" })] }),
      hearing({ signal, onText }),
    );
}

async function against<T>(options: StandinOptions, act: (standin: Standin) => Promise<T>): Promise<T> {
  await using standin = await openaiStandin({ script: SCRIPT, apiKey: KEY, ...options });
  return await act(standin);
}

async function faultOf(work: Promise<unknown>): Promise<Fault> {
  const error = await work.then(
    () => new Error("nothing was thrown"),
    (error: unknown) => error,
  );
  if (!isFault(error)) throw error;
  expect(error.message).not.toContain(KEY);
  return error;
}

function raw(answer: Raw, options: Partial<CallOptions> = {}): Promise<ModelAnswer> {
  return against({ handler: () => answer }, ({ url }) => driver(url, options)());
}

function events(...values: (object | string)[]): string {
  return values.map((value) => `data: ${typeof value === "string" ? value : JSON.stringify(value)}\n\n`).join("");
}

function chunk(delta: object, finish: string | null = null): object {
  return { choices: [{ index: 0, delta, finish_reason: finish }] };
}

describe("an answer", () => {
  it("streams text and comes back whole, with tool calls, usage and the model that served", async () => {
    const streamed: string[] = [];
    const answer = await against({}, ({ url }) => driver(url)({ onText: (text) => void streamed.push(text) }));

    expect(streamed.join("")).toBe("let me look");
    expect(streamed.length).toBeGreaterThan(1);
    expect(answer.message.parts.map(({ part }) => part.value)).toMatchObject([
      "let me look",
      { id: "call_0_0", name: "read", arguments: '{"path":"/tmp/ä😀","lines":[1,2]}' },
    ]);
    expect(answer).toMatchObject({
      finishReason: FinishReason.TOOL_CALLS,
      servedModel: "m1",
      scripted: false,
      usage: { inputTokens: 4n, outputTokens: 4n },
    });
  });

  it("goes on after the tool's result", async () => {
    const answer = await against({}, async ({ url }) => {
      const { message } = await driver(url)();
      const result = { callId: "call_0_0", content: "hello" };
      const tool = create(MessageSchema, { role: Role.TOOL, parts: [{ part: { case: "toolResult", value: result } }] });
      return await driver(url)({ history: [message, tool] });
    });

    expect(answer.message.parts.map(({ part }) => part.value)).toEqual(["it says hello"]);
    expect(answer.finishReason).toBe(FinishReason.STOP);
  });

  it("is the same from a server that does not stream, and where events come in pieces", async () => {
    const [streamed, whole, split] = await Promise.all(
      (["answer", "json", "split"] as const).map((mode) => against({ mode }, ({ url }) => driver(url)())),
    );

    expect(whole).toEqual(streamed);
    expect(split).toEqual(streamed);
  });

  it("sends the key as a bearer token, and none where there is none", async () => {
    const headers = await against({}, async ({ url, requests }) => {
      await driver(`${url}/?api-version=1`)();
      return requests.map((request) => ({ ...request, body: undefined }));
    });

    expect(headers).toMatchObject([
      { path: "/v1/chat/completions?api-version=1", headers: { authorization: "Bearer ***" } },
    ]);
    await using open = await openaiStandin({ script: SCRIPT });
    await driver(open.url, { apiKey: undefined as never })();
    expect(open.requests[0]?.headers).not.toHaveProperty("authorization");
  });

  it.each([
    ["ends without [DONE]", events(chunk({ content: "hi" }), chunk({}, "stop"))],
    ["ends without a finish reason", events(chunk({ content: "hi" }), "[DONE]")],
    ["has comments and carriage returns", `: wait\r\n\r\n${events(chunk({ content: "hi" }, "stop"))}`],
  ])("is accepted where it %s", async (_, body) => {
    expect((await raw({ body })).message.parts).toMatchObject([{ part: { value: "hi" } }]);
  });

  it("is accepted where the server falls silent after the finish reason", async () => {
    const fetch = answering(events(chunk({ content: "hi" }, "stop")));
    const answer = await driver("http://localhost", { fetch, idleTimeoutMs: 5 })();

    expect(answer.message.parts).toMatchObject([{ part: { value: "hi" } }]);
  });
});

// A body that says this and then stays open.
function answering(body: string): typeof globalThis.fetch {
  return async (_, init) => {
    const stream = new ReadableStream({
      start(controller) {
        controller.enqueue(new TextEncoder().encode(body));
        init?.signal?.addEventListener("abort", () => controller.error(init.signal?.reason));
      },
    });
    return new Response(stream, { headers: { "content-type": "text/event-stream" } });
  };
}

describe("a refusal", () => {
  it("of the key says whose it is and what to do, without the key", async () => {
    const fault = await faultOf(against({ mode: "unauthorized" }, ({ url }) => driver(url, { keyName: "MY_KEY" })()));

    expect(fault).toMatchObject({ kind: "precondition", reason: "PROVIDER_REFUSED" });
    expect(fault.facts).toEqual({ provider: "standin", status: "401" });
    expect(fault.message).toMatch(/"standin" refused the key .*MY_KEY/);
  });

  it("for want of a key says that one is needed", async () => {
    const fault = await faultOf(against({}, ({ url }) => driver(url, { apiKey: undefined as never, keyName: "K" })()));

    expect(fault.reason).toBe("PROVIDER_REFUSED");
    expect(fault.message).toMatch(/wants a key and none is set .*set one in K/);
  });

  it("of the model names what is unknown", async () => {
    const fault = await faultOf(against({ models: ["other"] }, ({ url }) => driver(url)()));

    expect(fault).toMatchObject({ reason: "PROVIDER_REFUSED", facts: { status: "404" } });
    expect(fault.message).toMatch(/`m1` does not exist/);
  });

  it("keeps the provider's words, bounded and without the key in any form", async () => {
    const echo = `bad ${KEY} ${encodeURIComponent(KEY)} ${Buffer.from(KEY).toString("base64")}\n${"x".repeat(9000)}`;
    const fault = await faultOf(raw({ status: 400, body: JSON.stringify({ error: { message: echo } }) }));

    expect(fault).toMatchObject({ kind: "precondition", reason: "PROVIDER_REFUSED", facts: { status: "400" } });
    expect(fault.message).toContain("bad [key] [key] [key] xxx");
    expect(fault.message.length).toBeLessThan(700);
  });

  it.each([
    [{ error: "plain" }, "plain"],
    [{ message: "on top" }, "on top"],
    [{ detail: "from FastAPI" }, "from FastAPI"],
    ["<h1>not JSON</h1>", "<h1>not JSON</h1>"],
  ])("reads the words out of %j", async (body, words) => {
    const fault = await faultOf(raw({ status: 422, body: typeof body === "string" ? body : JSON.stringify(body) }));

    expect(fault.message).toContain(`: ${words}`);
  });

  it("is read no further than 64 KiB, however long it goes on", async () => {
    const { fetch, sent } = endless("text/plain", 400);

    expect(await faultOf(driver("http://localhost", { fetch })())).toMatchObject({ reason: "PROVIDER_REFUSED" });
    expect(sent()).toBeLessThan(200 * 1024);
  });
});

// A body of one field of an event, 64 MiB of it.
function endless(type: string, status: number): { fetch: typeof globalThis.fetch; sent: () => number } {
  let sent = 0;
  const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
    pull(controller) {
      controller.enqueue(new TextEncoder().encode(sent === 0 ? "data: " : "x".repeat(65_536)));
      sent += 65_536;
      if (sent > 64 * 1024 * 1024) controller.close();
    },
  });
  return { fetch: async () => new Response(body, { status, headers: { "content-type": type } }), sent: () => sent };
}

describe("an outage", () => {
  it.each([408, 409, 429, 500, 503, 529])(
    "with status %i may be tried again, when the provider says",
    async (status) => {
      const fault = await faultOf(raw({ status, headers: { "retry-after": "7" }, body: "{}" }));

      expect(fault).toMatchObject({ kind: "unavailable", reason: "PROVIDER_UNAVAILABLE", retryAfterMs: 7000 });
      expect(fault.facts).toEqual({ provider: "standin", status: String(status) });
    },
  );

  it("reads a date by the clock", async () => {
    const clock = { now: () => Date.UTC(2026, 0, 1), monotonic: () => 0 };
    const headers = { "retry-after": "Thu, 01 Jan 2026 00:00:09 GMT" };

    expect(await faultOf(raw({ status: 503, headers, body: "" }, { clock }))).toMatchObject({ retryAfterMs: 9000 });
  });

  it("is over after the provider has been slowed down for", async () => {
    const answer = await against({ mode: "rate-limited", times: 2 }, async ({ url }) => {
      const ask = driver(url);
      expect(await faultOf(ask())).toMatchObject({ reason: "PROVIDER_UNAVAILABLE", retryAfterMs: 1000 });
      expect(await faultOf(ask())).toMatchObject({ reason: "PROVIDER_UNAVAILABLE" });
      return await ask();
    });

    expect(answer.finishReason).toBe(FinishReason.TOOL_CALLS);
  });

  it("says where nothing answers", async () => {
    const fault = await faultOf(driver(`http://127.0.0.1:${await unusedPort()}/v1`)());

    expect(fault).toMatchObject({ kind: "unavailable", reason: "PROVIDER_UNAVAILABLE" });
    expect(fault.message).toMatch(/nothing answers at http:\/\/127\.0\.0\.1:\d+\/v1/);
  });

  it.each(["failing", "rubbish", "wrong-content-type", "cut"] as const)("is a server that is %s", async (mode) => {
    const fault = await faultOf(against({ mode }, ({ url }) => driver(url)()));

    expect(fault).toMatchObject({ kind: "unavailable", reason: "PROVIDER_UNAVAILABLE" });
  });

  it.each([
    ["an error in the stream", events(chunk({ content: "hi" }), { error: { message: `overloaded ${KEY}` } })],
    ["an error event", `event: error\n${events({ error: { message: "overloaded" } })}`],
    ["a stream that is empty", ""],
    ["a stream that ends early", events(chunk({ content: "hi" }))],
    ["a stream that breaks off inside its finish", events(chunk({ content: "hi" })) + events(chunk({}, "stop")).trim()],
    ["a chunk that is no object", events("7")],
    ["a tool call without a name", events(chunk({ tool_calls: [{ index: 0, function: {} }] }, "tool_calls"))],
  ])("is %s", async (_, body) => {
    expect(await faultOf(raw({ body }))).toMatchObject({ reason: "PROVIDER_UNAVAILABLE" });
  });

  it.each(["{", "{}", "[]", '{"choices":[]}', '{"error":{"message":"overloaded"}}'])("is the JSON %s", async (body) => {
    const fault = await faultOf(raw({ headers: { "content-type": "application/json" }, body }));

    expect(fault).toMatchObject({ reason: "PROVIDER_UNAVAILABLE" });
  });

  it("is an event without an end, which is not waited for", async () => {
    const { fetch, sent } = endless("text/event-stream", 200);

    expect(await faultOf(driver("http://localhost", { fetch })())).toMatchObject({ reason: "PROVIDER_UNAVAILABLE" });
    expect(sent()).toBeLessThan(20 * 1024 * 1024);
  });

  it("is JSON without an end, which is not waited for", async () => {
    const { fetch, sent } = endless("application/json", 200);

    expect(await faultOf(driver("http://localhost", { fetch })())).toMatchObject({ reason: "PROVIDER_UNAVAILABLE" });
    expect(sent()).toBeLessThan(20 * 1024 * 1024);
  });

  it.each([
    ["mute", { firstByteTimeoutMs: 20 }],
    ["silence", { idleTimeoutMs: 20 }],
  ] as const)("is a server that falls silent: %s", async (mode, timeouts) => {
    const fault = await faultOf(against({ mode }, ({ url }) => driver(url, timeouts)()));

    expect(fault).toMatchObject({ reason: "PROVIDER_UNAVAILABLE" });
    expect(fault.message).toMatch(/sent nothing for 20 ms/);
  });
});

describe("a whole answer", () => {
  it("may take no longer than told, however lively it is", async () => {
    const turn = { text: "a b c d e f g h", delayMs: 20 };
    const fault = await faultOf(against({ handler: () => turn }, ({ url }) => driver(url, { totalTimeoutMs: 60 })()));

    expect(fault).toMatchObject({ reason: "PROVIDER_UNAVAILABLE" });
    expect(fault.message).toMatch(/took longer than 60 ms/);
  });
});

describe("a list of models", () => {
  it("has an end, and no name that is too long", async () => {
    const data = [{ id: "x".repeat(257) }, ...Array.from({ length: 3_000 }, (_, at) => ({ id: `m${at}` }))];
    const fetch = async () => Response.json({ data });
    const timeouts = { firstByteTimeoutMs: 10_000, idleTimeoutMs: 10_000 };
    const options = { name: "standin", baseUrl: "http://localhost", fetch, ...timeouts };
    const models = await callProvider(chatDialect({ official: false }), options).list({
      signal: new AbortController().signal,
    });

    expect([models.length, models[0]?.model]).toEqual([2_000, "m0"]);
  });
});

describe("what passes through", () => {
  it("is the caller's reason to abort: before the call, while it waits, and in the middle of the text", async () => {
    const reason = new Error("enough");
    const early = AbortSignal.abort(reason);
    const late = new AbortController();
    const waiting = new AbortController();

    await against({ mode: "silence" }, async ({ url, requests }) => {
      await expect(driver(url)({ signal: early })).rejects.toBe(reason);
      expect(requests).toHaveLength(0);
    });
    await against({ handler: aborting(waiting, reason), mode: "mute" }, async ({ url }) => {
      await expect(driver(url)({ signal: waiting.signal })).rejects.toBe(reason);
    });
    await against({}, async ({ url }) => {
      await expect(driver(url)({ signal: late.signal, onText: () => late.abort(reason) })).rejects.toBe(reason);
    });
  });

  it("is an abort between two pieces of text that came at once", async () => {
    const controller = new AbortController();
    const streamed: string[] = [];
    const onText = (text: string) => {
      streamed.push(text);
      controller.abort(new Error("enough"));
    };
    const fetch = answering(events(chunk({ content: "a" }), chunk({ content: "b" }, "stop"), "[DONE]"));

    await expect(driver("http://localhost", { fetch })({ signal: controller.signal, onText })).rejects.toThrow(
      "enough",
    );
    expect(streamed).toEqual(["a"]);
  });

  it("is what the caller throws on text", async () => {
    const reason = new Error("no room");
    const onText = () => {
      throw reason;
    };

    await against({}, async ({ url }) => await expect(driver(url)({ onText })).rejects.toBe(reason));
  });
});

describe("the key", () => {
  it("follows no redirect", async () => {
    await using elsewhere = await openaiStandin({ script: SCRIPT });
    const headers = { location: `${elsewhere.url}/chat/completions` };
    const fault = await faultOf(raw({ status: 307, headers, body: "" }));

    expect(fault.reason).toBe("PROVIDER_UNAVAILABLE");
    expect(elsewhere.requests).toHaveLength(0);
  });

  it.each(["http://192.168.1.5/v1", "http://models.example/v1", "http://127.0.0.1.example/v1"])(
    "does not travel unencrypted to %s",
    (baseUrl) => {
      expect(() => driver(baseUrl)).toThrow(fault("PROVIDER_NOT_CONFIGURED"));
      expect(() => driver(baseUrl, { apiKey: undefined as never })).not.toThrow();
    },
  );

  it.each(["http://localhost:1/v1", "http://127.8.8.8/v1", "http://[::1]:80", "https://models.example/v1"])(
    "may go to %s",
    (baseUrl) => {
      expect(() => driver(baseUrl)).not.toThrow();
    },
  );

  it("is refused where no header can carry it, without being shown", () => {
    expect(() => driver("https://x", { apiKey: "sk-\nöops" })).toThrow(
      expect.toSatisfy((error: Fault) => isFault(error, "PROVIDER_NOT_CONFIGURED") && !error.message.includes("öops")),
    );
  });
});

it.each(["", "localhost:8000/v1", "ftp://x/v1", "https://user:pass@x/v1"])("refuses the base url %j", (baseUrl) => {
  expect(() => driver(baseUrl)).toThrow(fault("PROVIDER_NOT_CONFIGURED"));
});

function fault(reason: Fault["reason"]) {
  return expect.toSatisfy((error: unknown) => isFault(error, reason));
}

function aborting(controller: AbortController, reason: Error): () => { text: string } {
  return () => {
    controller.abort(reason);
    return { text: "never sent" };
  };
}

async function unusedPort(): Promise<number> {
  const server = createServer();
  return await new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address ? address.port : 0));
    });
  });
}
