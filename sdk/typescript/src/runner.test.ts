import { create } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { connectTo } from "@stigmer/client/node";
import {
  type CallToolSchema,
  FinishReason,
  type Lease,
  LeaseSchema,
  Role,
  RunnerRole,
  type ToolCallEnded,
  ToolCallSchema,
} from "@stigmer/contracts/agentic";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { AgentContext, AgentLoop } from "./agent.ts";
import { answering, type FakeBackend, failing, type Generated, refusal, startFakeBackend } from "./backend.fake.ts";
import { Failure } from "./failure.ts";
import { textMessage } from "./messages.ts";
import { type RunnerOptions, runRunner } from "./runner.ts";
import type { ToolHost } from "./tool-host.ts";

let backend: FakeBackend;
let cleanUps: (() => unknown)[];

beforeEach(async () => {
  backend = await startFakeBackend();
  cleanUps = [];
});

afterEach(async () => {
  for (const cleanUp of cleanUps) await cleanUp();
  await backend.crash();
});

function start(options: Partial<RunnerOptions>) {
  const client = connectTo({ url: backend.url });
  const stop = new AbortController();
  const end = runRunner({
    client,
    name: "test",
    instance: "instance-1",
    signal: stop.signal,
    drainTimeoutMs: 100,
    ...options,
  });
  end.catch(() => {});
  cleanUps.push(
    () => stop.abort(),
    () => end.catch(() => {}),
    () => client.close(),
  );
  return { end, stop };
}

async function connected(options: Partial<RunnerOptions>) {
  const runner = start(options);
  const connection = await backend.nextRunner();
  connection.welcome();
  return { ...runner, connection };
}

const lease = (executionId: string, epoch: bigint): Lease => create(LeaseSchema, { executionId, epoch });
const callOf = (id: string) => create(ToolCallSchema, { id, name: "fs_read", arguments: "{}" });
const answered = (text: string): Generated => ({
  message: {
    case: "result",
    value: { message: textMessage(Role.ASSISTANT, text), finishReason: FinishReason.STOP },
  },
});

/** A loop that says when it began and ends when it is told to. */
function gatedLoop() {
  const began = Promise.withResolvers<AgentContext>();
  const go = Promise.withResolvers<string>();
  const loop: AgentLoop = (context) => {
    began.resolve(context);
    return go.promise;
  };
  return { loop, began: began.promise, finish: go.resolve };
}

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener("abort", () => resolve());
  });

const oneModelCall: AgentLoop = async (context) => {
  const answer = await context.generate("turn/1/model", {
    messages: [textMessage(Role.USER, context.message)],
    tools: [],
  });
  return answer.message.parts.map(({ part }) => (part.case === "text" ? part.value : "")).join("");
};

const oneToolCall: AgentLoop = async (context) => (await context.callTool("turn/1/tool/c1", callOf("c1"))).content;

describe("a connection", () => {
  it("begins with who the runner is", async () => {
    start({ agent: oneModelCall, slots: 3, build: "kit/1" });

    const { hello } = await backend.nextRunner();

    expect(hello).toMatchObject({ name: "test", instance: "instance-1", build: "kit/1", slots: 3, protocolVersion: 1 });
    expect(hello.roles).toEqual([RunnerRole.AGENT]);
    expect(hello.running).toEqual([]);
  });

  it("is kept alive by heartbeats that name what the runner drives", async () => {
    const { loop, began } = gatedLoop();
    start({ agent: loop });
    const connection = await backend.nextRunner();
    connection.welcome([], 20n);
    connection.assign("aex_1", 4n);
    await began;

    await connection.next("heartbeat");
    const { running } = await connection.next("heartbeat");

    expect(running).toEqual([lease("aex_1", 4n)]);
  });

  it("is made again when it breaks, with the leases that are held", async () => {
    const { loop, began, finish } = gatedLoop();
    const { connection } = await connected({ agent: loop });
    connection.assign("aex_1", 1n);
    await began;

    await backend.crash();
    await backend.restart();
    const second = await backend.nextRunner();
    second.welcome(second.hello.running);
    finish("still here");

    expect(second.hello.running).toEqual([lease("aex_1", 1n)]);
    expect((await second.next("attemptFinished")).outcome).toEqual({ case: "output", value: "still here" });
  });

  it("is given up where the backend refuses the runner", async () => {
    const { end } = start({ agent: oneModelCall });
    const connection = await backend.nextRunner();

    connection.refuse(refusal(Code.PermissionDenied, "PERMISSION_DENIED"));

    await expect(end).rejects.toMatchObject({ reason: "PERMISSION_DENIED" });
  });

  it("is waited for until the runner is an orphan, which then ends what it drives", async () => {
    const { loop, began } = gatedLoop();
    const { connection, end } = await connected({ agent: loop, orphanAfterMs: 150 });
    connection.assign("aex_1", 1n);
    const { signal } = await began;

    await backend.crash();

    await expect(end).resolves.toBe("orphaned");
    expect(signal.aborted).toBe(true);
  });
});

describe("an attempt", () => {
  it("reports the loop's answer", async () => {
    backend.generate = () => answering<Generated>({ message: { case: "delta", value: "he" } }, answered("hello"));
    const { connection } = await connected({ agent: oneModelCall });

    connection.assign("aex_1", 7n);

    const finished = await connection.next("attemptFinished");
    expect(finished.lease).toEqual(lease("aex_1", 7n));
    expect(finished.outcome).toEqual({ case: "output", value: "hello" });
  });

  it("hears the text so far, from the start again where the call starts over", async () => {
    const texts: string[] = [];
    const delta = (value: string): Generated => ({ message: { case: "delta", value } });
    backend.generate = () =>
      answering<Generated>(
        delta("he"),
        delta("llo"),
        { message: { case: "restarted", value: true } },
        delta("hi"),
        answered("hi"),
      );
    const { connection } = await connected({
      agent: async (context) => {
        await context.generate("s", { messages: [], tools: [], onText: (text) => texts.push(text) });
        return "";
      },
    });

    connection.assign("aex_1", 1n);
    await connection.next("attemptFinished");

    expect(texts).toEqual(["he", "hello", "", "hi"]);
  });

  it("ends with the reason of the model's failure", async () => {
    const error = { reason: "PROVIDER_REFUSED", message: "no" };
    backend.generate = () => answering({ message: { case: "result", value: { error } } });
    const { connection } = await connected({ agent: oneModelCall });

    connection.assign("aex_1", 1n);

    expect((await connection.next("attemptFinished")).outcome).toMatchObject({ case: "error", value: error });
  });

  it("ends with the reason of a call's refusal", async () => {
    backend.call = () => failing(refusal(Code.FailedPrecondition, "STEP_DIVERGED"));
    const { connection } = await connected({ agent: oneToolCall });

    connection.assign("aex_1", 1n);

    const { outcome } = await connection.next("attemptFinished");
    expect(outcome).toMatchObject({ case: "error", value: { reason: "STEP_DIVERGED" } });
  });

  it.each([
    ["a failure of its own", () => Promise.reject(new Failure("LIMIT_REACHED", "too much")), "LIMIT_REACHED"],
    ["a mistake", () => Promise.reject(new TypeError("undefined is not a function")), "INTERNAL"],
    ["an answer that no message can hold", async () => "x".repeat(3 * 1024 * 1024 + 1), "LIMIT_REACHED"],
  ] as const)("ends with the reason where the loop ends with %s", async (_, agent, reason) => {
    const { connection } = await connected({ agent });

    connection.assign("aex_1", 1n);

    const { outcome } = await connection.next("attemptFinished");
    expect(outcome).toMatchObject({ case: "error", value: { reason } });
  });

  it("asks again while the backend says that it is away", async () => {
    let asked = 0;
    backend.generate = () =>
      ++asked < 3 ? failing(refusal(Code.Unavailable, "SHUTTING_DOWN")) : answering(answered("at last"));
    const { connection } = await connected({ agent: oneModelCall });

    connection.assign("aex_1", 1n);

    expect((await connection.next("attemptFinished")).outcome).toEqual({ case: "output", value: "at last" });
  });

  it("makes a call that broke again, but not before the next welcome", async () => {
    const order: string[] = [];
    const first = Promise.withResolvers<void>();
    backend.generate = async function* ({ stepKey }) {
      order.push(stepKey);
      if (order.length > 1) yield answered("done");
      else {
        yield { message: { case: "delta", value: "he" } };
        first.resolve();
        await new Promise(() => {});
      }
    };
    const { connection } = await connected({ agent: oneModelCall });
    connection.assign("aex_1", 1n);
    await first.promise;

    await backend.crash();
    await backend.restart();
    const second = await backend.nextRunner();
    order.push("welcome");
    second.welcome(second.hello.running);

    expect((await second.next("attemptFinished")).outcome).toEqual({ case: "output", value: "done" });
    expect(order).toEqual(["turn/1/model", "welcome", "turn/1/model"]);
  });

  it("does not ask for ever where answers get lost and the line is up", async () => {
    let asked = 0;
    backend.call = () => {
      asked++;
      return answering();
    };
    const { connection } = await connected({ agent: oneToolCall });

    connection.assign("aex_1", 1n);

    const { outcome } = await connection.next("attemptFinished");
    expect(outcome.case).toBe("error");
    expect(asked).toBe(7);
  });

  it("ends as parked where a person is asked, even where the loop goes on", async () => {
    backend.call = () => answering({ message: { case: "parked", value: { approvalId: "apr_1" } } });
    const { connection } = await connected({
      agent: async (context) => {
        await context.callTool("turn/1/tool/c1", callOf("c1")).catch(() => {});
        return "an answer that nobody may see";
      },
    });

    connection.assign("aex_1", 1n);

    expect((await connection.next("attemptFinished")).outcome).toEqual({ case: "parked", value: true });
  });

  it("is not told of again once it parked", async () => {
    backend.call = () => answering({ message: { case: "parked", value: { approvalId: "apr_1" } } });
    const { connection, stop } = await connected({ agent: oneToolCall });
    connection.assign("aex_1", 1n);
    await connection.next("attemptFinished");

    connection.hangUp();
    const second = await backend.nextRunner();
    second.welcome();
    stop.abort();

    expect(second.hello.running).toEqual([]);
    expect(await second.rest()).toEqual([]);
  });

  it("is dropped without a word where its lease is fenced", async () => {
    const fenced = Promise.withResolvers<AbortSignal>();
    backend.call = () => failing(refusal(Code.Aborted, "LEASE_FENCED"));
    const { connection, stop } = await connected({
      agent: async (context) => {
        fenced.resolve(context.signal);
        return await oneToolCall(context);
      },
    });
    connection.assign("aex_1", 1n);
    await aborted(await fenced.promise);

    stop.abort();

    expect(await connection.rest()).toEqual([]);
  });

  it("is dropped without a word where its lease is revoked", async () => {
    const { loop, began } = gatedLoop();
    const { connection, stop } = await connected({ agent: loop });
    connection.assign("aex_1", 1n);
    const { signal } = await began;

    connection.send({ case: "revoke", value: { lease: lease("aex_1", 1n) } });
    await aborted(signal);
    stop.abort();

    expect(await connection.rest()).toEqual([]);
  });

  it("is dropped where the backend did not keep its lease", async () => {
    const contexts: AgentContext[] = [];
    const both = Promise.withResolvers<void>();
    const { connection, stop } = await connected({
      agent: (context) => {
        if (contexts.push(context) === 2) both.resolve();
        return new Promise(() => {});
      },
    });
    connection.assign("aex_1", 1n);
    connection.assign("aex_2", 1n);
    await both.promise;

    connection.hangUp();
    const second = await backend.nextRunner();
    second.welcome([lease("aex_2", 1n)], 20n);
    const { running } = await second.next("heartbeat");

    expect(second.hello.running).toHaveLength(2);
    expect(contexts.map(({ signal }) => signal.aborted)).toEqual([true, false]);
    expect(running).toEqual([lease("aex_2", 1n)]);
    stop.abort();
  });

  it("gives way to a newer lease of the same execution", async () => {
    const epochs: bigint[] = [];
    const { connection } = await connected({
      agent: async (context) => {
        epochs.push(context.epoch);
        if (context.epoch === 2n) return "second";
        connection.assign("aex_1", 2n);
        await aborted(context.signal);
        return "first";
      },
    });

    connection.assign("aex_1", 1n);

    const finished = await connection.next("attemptFinished");
    expect(finished).toMatchObject({ lease: { epoch: 2n }, outcome: { value: "second" } });
    expect(epochs).toEqual([1n, 2n]);
  });

  it("waits for a slot", async () => {
    const begun: string[] = [];
    const go = Promise.withResolvers<void>();
    const { connection } = await connected({
      slots: 1,
      agent: async ({ executionId }) => {
        begun.push(executionId);
        await go.promise;
        return begun.join();
      },
    });
    connection.assign("aex_1", 1n);
    connection.assign("aex_2", 1n);
    connection.send({ case: "startServer", value: { requestId: "after both" } });
    await connection.next("serverStarted");

    go.resolve();

    expect((await connection.next("attemptFinished")).outcome.value).toBe("aex_1");
    expect((await connection.next("attemptFinished")).outcome.value).toBe("aex_1,aex_2");
  });

  it("is told of again where the backend goes on but does not acknowledge it", async () => {
    start({ agent: async () => "42" });
    const connection = await backend.nextRunner();
    connection.welcome([], 20n);
    connection.assign("aex_1", 1n);
    await connection.next("attemptFinished");

    const again = await connection.next("attemptFinished");

    expect(again).toMatchObject({ lease: { executionId: "aex_1" }, outcome: { value: "42" } });
  });

  it("is told of again after a reconnect until it is acknowledged", async () => {
    const { connection, stop } = await connected({ agent: async () => "42" });
    connection.assign("aex_1", 1n);
    await connection.next("attemptFinished");

    connection.hangUp();
    const second = await backend.nextRunner();
    second.welcome(second.hello.running);
    const again = await second.next("attemptFinished");
    second.send({ case: "acknowledged", value: { message: { case: "attempt", value: lease("aex_1", 1n) } } });
    second.hangUp();
    const third = await backend.nextRunner();
    third.welcome();
    stop.abort();

    expect(again.outcome.value).toBe("42");
    expect(third.hello.running).toEqual([]);
    expect(await third.rest()).toEqual([]);
  });
});

describe("a drain", () => {
  it("that the backend asks for finishes what runs, takes nothing new, and ends the runner", async () => {
    const { loop, began, finish } = gatedLoop();
    const { connection, end } = await connected({ agent: loop });
    connection.assign("aex_1", 1n);
    await began;

    connection.send({ case: "drain", value: {} });
    connection.assign("aex_2", 1n);
    finish("done");
    const finished = await connection.next("attemptFinished");
    connection.send({ case: "acknowledged", value: { message: { case: "attempt", value: lease("aex_1", 1n) } } });

    expect(finished.lease?.executionId).toBe("aex_1");
    await expect(end).resolves.toBe("drained");
    expect(await connection.rest()).toEqual([]);
  });

  it("by signal drops what does not finish in time", async () => {
    const { loop, began } = gatedLoop();
    const { connection, stop, end } = await connected({ agent: loop, drainTimeoutMs: 50 });
    connection.assign("aex_1", 1n);
    const { signal } = await began;

    stop.abort();

    await expect(end).resolves.toBe("drained");
    expect(signal.aborted).toBe(true);
  });

  it("by signal ends a runner that never reached its backend", async () => {
    await backend.crash();
    const { stop, end } = start({ agent: oneModelCall, drainTimeoutMs: 60_000 });

    stop.abort();

    await expect(end).resolves.toBe("drained");
    await backend.restart();
  });
});

describe("a tool call", () => {
  const request = (attempt: number) => ({
    call: { executionId: "aex_1", stepKey: "turn/1/tool/c1", attempt },
    server: {
      sessionId: "ses_1",
      name: "fs",
      revision: "r1",
      spec: { transport: { case: "stdio" as const, value: { command: "fs" } } },
    },
    tool: "read",
    arguments: "{}",
    idempotencyKey: "k1",
  });
  const callTool = (attempt: number) => ({ case: "callTool" as const, value: request(attempt) satisfies MessageInit });
  type MessageInit = Parameters<typeof create<typeof CallToolSchema>>[1];

  function fakeHost(call: ToolHost["call"]): ToolHost & { closed: boolean } {
    const host = {
      closed: false,
      start: () => Promise.reject(new Failure("TOOL_SERVER_FAILED", "no such program")),
      call,
      stop: async () => {},
      close: async () => {
        host.closed = true;
      },
    };
    return host;
  }

  it("is made by the host and its answer reported", async () => {
    const tools = fakeHost(async (server, call) => ({
      content: `${server.name} ${call.tool} ${call.idempotencyKey} ${server.callTimeoutMs}`,
      isError: false,
    }));
    const { connection } = await connected({ tools });

    connection.send(callTool(1));

    const ended: ToolCallEnded = await connection.next("toolCallEnded");
    expect(ended.call).toMatchObject({ executionId: "aex_1", stepKey: "turn/1/tool/c1", attempt: 1 });
    expect(ended.result?.content).toBe("fs read k1 60000");
    expect(ended.error).toBeUndefined();
  });

  it("is made once per try, however often it is asked for", async () => {
    let made = 0;
    const go = Promise.withResolvers<void>();
    const tools = fakeHost(async () => {
      made++;
      await go.promise;
      return { content: String(made), isError: false };
    });
    const { connection } = await connected({ tools });
    connection.send(callTool(1));

    connection.hangUp();
    const second = await backend.nextRunner();
    second.welcome();
    second.send(callTool(1));
    go.resolve();
    const ended = await second.next("toolCallEnded");
    second.send(callTool(1));
    const again = await second.next("toolCallEnded");

    expect(second.hello.calls).toMatchObject([{ executionId: "aex_1", attempt: 1 }]);
    expect([ended.result?.content, again.result?.content, made]).toEqual(["1", "1", 1]);
  });

  it("is told of again after a reconnect until it is acknowledged", async () => {
    const tools = fakeHost(async () => ({ content: "42", isError: false }));
    const { connection, stop } = await connected({ tools });
    connection.send(callTool(1));
    await connection.next("toolCallEnded");

    connection.hangUp();
    const second = await backend.nextRunner();
    second.welcome();
    const again = await second.next("toolCallEnded");
    second.send({ case: "acknowledged", value: { message: { case: "call", value: request(1).call } } });
    second.hangUp();
    const third = await backend.nextRunner();
    third.welcome();
    stop.abort();

    expect(again.result?.content).toBe("42");
    expect(third.hello.calls).toEqual([]);
    expect(await third.rest()).toEqual([]);
  });

  it("says whether a failed one may have reached the tool", async () => {
    const tools = fakeHost(() => Promise.reject(new Failure("TOOL_SERVER_FAILED", "gone", { notStarted: true })));
    const { connection } = await connected({ tools });

    connection.send(callTool(1));

    expect(await connection.next("toolCallEnded")).toMatchObject({
      error: { reason: "TOOL_SERVER_FAILED", message: "gone" },
      notStarted: true,
    });
  });

  it("ends without a word when nobody waits for it any more", async () => {
    const cancelled = Promise.withResolvers<void>();
    const began = Promise.withResolvers<void>();
    const tools = fakeHost(async (_server, _call, signal) => {
      began.resolve();
      await aborted(signal);
      cancelled.resolve();
      throw new Failure("TOOL_SERVER_FAILED", "cancelled");
    });
    const { connection, stop } = await connected({ tools });
    connection.send(callTool(1));
    await began.promise;

    connection.send({ case: "cancelTool", value: { call: request(1).call } });
    await cancelled.promise;
    stop.abort();

    expect(await connection.rest()).toEqual([]);
  });

  it("is refused by a server that does not start, with the reason", async () => {
    const { connection } = await connected({ tools: fakeHost(() => Promise.reject(new ConnectError("unused"))) });

    connection.send({ case: "startServer", value: { requestId: "q1", ...request(1).server } });

    const started = await connection.next("serverStarted");
    expect(started).toMatchObject({ requestId: "q1", error: { reason: "TOOL_SERVER_FAILED" } });
  });

  it("leaves no host open when the runner ends", async () => {
    const tools = fakeHost(async () => ({ content: "", isError: false }));
    const { stop, end } = await connected({ tools });

    stop.abort();
    await end;

    expect(tools.closed).toBe(true);
  });
});
