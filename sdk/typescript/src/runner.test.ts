import { create } from "@bufbuild/protobuf";
import { Code, ConnectError, type HandlerContext } from "@connectrpc/connect";
import { connectTo } from "@stigmer/client/node";
import {
  type CallToolSchema,
  FinishReason,
  type Lease,
  LeaseSchema,
  RevokeCause,
  Role,
  RunnerRole,
  type ToolCallEnded,
  ToolCallSchema,
} from "@stigmer/contracts/agentic";
import type { CallToolRequest } from "@stigmer/contracts/capability";
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
    start({ agent: oneModelCall, slots: 3, build: "kit/1", labels: { zone: "a" } });

    const { hello } = await backend.nextRunner();

    expect(hello).toMatchObject({ name: "test", instance: "instance-1", build: "kit/1", slots: 3, protocolVersion: 1 });
    expect(hello.roles).toEqual([RunnerRole.AGENT]);
    expect(hello.labels).toEqual({ zone: "a" });
    expect([hello.running, hello.draining]).toEqual([[], false]);
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

  it("is made anew after the process was stopped for longer than a lease, before anything else is done", async () => {
    const order: string[] = [];
    const { loop: gate, began, finish } = gatedLoop();
    backend.generate = () => {
      order.push("call");
      return answering(answered("live"));
    };
    start({ agent: async (context) => `${await gate(context)}${await oneModelCall(context)}` });
    const connection = await backend.nextRunner();
    connection.welcome([], 20n, 60n);
    connection.assign("aex_1", 1n);
    connection.assign("aex_2", 1n);
    await began;

    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 150);
    finish("still ");
    const second = await backend.nextRunner();
    order.push("welcome");
    second.welcome([lease("aex_2", 1n)]);

    const finished = await second.next("attemptFinished");
    expect(finished).toMatchObject({ lease: { executionId: "aex_2" }, outcome: { value: "still live" } });
    expect(order).toEqual(["welcome", "call"]);
  });

  it("is given up where the backend refuses the runner", async () => {
    const { end } = start({ agent: oneModelCall });
    const connection = await backend.nextRunner();

    connection.refuse(refusal(Code.PermissionDenied, "PERMISSION_DENIED"));

    await expect(end).rejects.toMatchObject({ reason: "PERMISSION_DENIED" });
  });

  it("is given up where another process has the runner's name now", async () => {
    const { connection, end } = await connected({ agent: oneModelCall });

    connection.refuse(refusal(Code.FailedPrecondition, "RUNNER_REPLACED"));

    await expect(end).rejects.toMatchObject({ reason: "RUNNER_REPLACED" });
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

  it("makes no further call once it parked", async () => {
    const asked: string[] = [];
    const errors: unknown[] = [];
    backend.call = ({ stepKey }) => {
      asked.push(stepKey);
      return answering({ message: { case: "parked", value: {} } });
    };
    const returned = Promise.withResolvers<void>();
    const { connection } = await connected({
      agent: async (context) => {
        for (const key of ["s1", "s2"]) await context.callTool(key, callOf(key)).catch((error) => errors.push(error));
        await context.generate("s3", { messages: [], tools: [] }).catch((error) => errors.push(error));
        await context.listTools().catch((error) => errors.push(error));
        returned.resolve();
        return "";
      },
    });

    connection.assign("aex_1", 1n);
    await returned.promise;

    expect((await connection.next("attemptFinished")).outcome.case).toBe("parked");
    expect(asked).toEqual(["s1"]);
    expect(errors).toHaveLength(4);
  });

  it("gives up its other calls where one of several at once parks", async () => {
    const open = Promise.withResolvers<HandlerContext>();
    const given = Promise.withResolvers<void>();
    backend.call = async function* ({ stepKey }, context) {
      if (stepKey === "s1") {
        context.signal.addEventListener("abort", () => given.resolve());
        open.resolve(context);
        await given.promise;
      }
      await open.promise;
      yield { message: { case: "parked" as const, value: {} } };
    };
    const { connection } = await connected({
      agent: async (context) => {
        await Promise.all(["s1", "s2"].map((key) => context.callTool(key, callOf(key))));
        return "";
      },
    });

    connection.assign("aex_1", 1n);

    expect((await connection.next("attemptFinished")).outcome.case).toBe("parked");
    await given.promise;
  });

  it("names the calls that come next, as many as one request may", async () => {
    const asked: CallToolRequest[] = [];
    backend.call = (request) => {
      asked.push(request);
      return answering({ message: { case: "result", value: { content: "ok" } } });
    };
    const planned = Array.from({ length: 300 }, (_, index) => ({ stepKey: `s${index}`, call: callOf(`c${index}`) }));
    const large = {
      stepKey: "large",
      call: create(ToolCallSchema, { id: "l", name: "n", arguments: "x".repeat(2 ** 20) }),
    };
    const { connection } = await connected({
      agent: async (context) => {
        await context.callTool("s", callOf("c"), { planned });
        await context.callTool("s", callOf("c"), { planned: [...planned.slice(0, 2), large, ...planned] });
        return "";
      },
    });

    connection.assign("aex_1", 1n);
    await connection.next("attemptFinished");

    expect(asked.map((request) => request.planned.length)).toEqual([256, 2]);
    expect(asked[0]?.planned[1]).toMatchObject({ stepKey: "s1", call: { id: "c1" } });
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

  it.each([
    [RevokeCause.ENDED, "EXECUTION_CANCELLED"],
    [RevokeCause.PAUSED, "EXECUTION_PHASE"],
    [RevokeCause.UNSPECIFIED, "LEASE_FENCED"],
  ])("hears why its lease is revoked: %i", async (cause, reason) => {
    const { loop, began } = gatedLoop();
    const { connection } = await connected({ agent: loop });
    connection.assign("aex_1", 1n);
    const { signal } = await began;

    connection.send({ case: "revoke", value: { lease: lease("aex_1", 1n), cause } });
    await aborted(signal);

    expect(signal.reason).toMatchObject({ name: "Failure", reason });
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

  it("is declined at once where no slot is free", async () => {
    const { loop, began, finish } = gatedLoop();
    const { connection } = await connected({ slots: 1, agent: loop });
    connection.assign("aex_1", 1n);
    await began;

    connection.assign("aex_2", 3n);
    const declined = await connection.next("declined");
    finish("done");
    await connection.next("attemptFinished");
    connection.assign("aex_2", 4n);

    expect(declined.lease).toEqual(lease("aex_2", 3n));
    expect((await connection.next("attemptFinished")).lease).toEqual(lease("aex_2", 4n));
  });

  it("is declined where an older one of the same execution does not stop", async () => {
    const go = Promise.withResolvers<string>();
    let begun = 0;
    const { connection } = await connected({ agent: () => (++begun === 1 ? go.promise : Promise.resolve("new")) });
    connection.assign("aex_1", 1n);

    connection.assign("aex_1", 2n);
    const declined = await connection.next("declined");
    go.resolve("old");
    connection.assign("aex_1", 3n);

    expect(declined.lease).toEqual(lease("aex_1", 2n));
    expect(await connection.next("attemptFinished")).toMatchObject({ lease: { epoch: 3n }, outcome: { value: "new" } });
    expect(begun).toBe(2);
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
  it("that the backend asks for finishes what runs, declines what is new, and ends the runner", async () => {
    const { loop, began, finish } = gatedLoop();
    const { connection, end } = await connected({ agent: loop });
    connection.assign("aex_1", 1n);
    await began;

    connection.send({ case: "drain", value: {} });
    await connection.next("draining");
    connection.assign("aex_2", 1n);
    const declined = await connection.next("declined");
    finish("done");
    const finished = await connection.next("attemptFinished");
    connection.send({ case: "acknowledged", value: { message: { case: "attempt", value: lease("aex_1", 1n) } } });

    expect(declined.lease).toEqual(lease("aex_2", 1n));
    expect(finished.lease?.executionId).toBe("aex_1");
    await expect(end).resolves.toBe("drained");
    expect(await connection.rest()).toEqual([]);
  });

  it("is said again in the next hello", async () => {
    const { loop, began } = gatedLoop();
    const { connection } = await connected({ agent: loop, drainTimeoutMs: 500 });
    connection.assign("aex_1", 1n);
    await began;
    connection.send({ case: "drain", value: {} });
    await connection.next("draining");

    connection.hangUp();
    const { hello } = await backend.nextRunner();

    expect(hello.draining).toBe(true);
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

  /** A host whose tools say when they began and when they are asked to stop, and answer when they are told to. */
  function stoppable() {
    const began = Promise.withResolvers<void>();
    const asked = Promise.withResolvers<void>();
    const answer = Promise.withResolvers<string>();
    const tools = fakeHost(async (_server, _call, { signal }) => {
      began.resolve();
      await aborted(signal);
      asked.resolve();
      return { content: await answer.promise, isError: false };
    });
    return { tools, began: began.promise, asked: asked.promise, answer };
  }
  const cancel = { case: "cancelTool" as const, value: { call: request(1).call } };

  it("that is cancelled reports what the tool still answers", async () => {
    const { tools, began, asked, answer } = stoppable();
    const { connection } = await connected({ tools });
    connection.send(callTool(1));
    await began;

    connection.send(cancel);
    await asked;
    answer.resolve("done before it could stop");

    const { result, error } = await connection.next("toolCallEnded");
    expect([result?.content, error]).toEqual(["done before it could stop", undefined]);
  });

  it("that is cancelled says so where it ends with an error", async () => {
    const { tools, began, asked, answer } = stoppable();
    const { connection } = await connected({ tools });
    connection.send(callTool(1));
    await began;

    connection.send(cancel);
    await asked;
    answer.reject(new Failure("TOOL_SERVER_FAILED", "it was stopped"));

    const { error, notStarted } = await connection.next("toolCallEnded");
    expect([error?.reason, error?.message, notStarted]).toEqual(["CANCELLED", "it was stopped", false]);
  });

  it("that is cancelled twice ends at once, and is told of until it is acknowledged", async () => {
    const { tools, began } = stoppable();
    const { connection, stop } = await connected({ tools });
    connection.send(callTool(1));
    await began;

    connection.send(cancel);
    connection.send(cancel);
    const { error, notStarted } = await connection.next("toolCallEnded");
    connection.send(cancel);
    const again = await connection.next("toolCallEnded");
    connection.send({ case: "acknowledged", value: { message: { case: "call", value: request(1).call } } });
    connection.send(cancel);
    stop.abort();

    expect([error?.reason, notStarted]).toEqual(["CANCELLED", false]);
    expect(again.error?.reason).toBe("CANCELLED");
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
