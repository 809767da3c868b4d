import { createHash } from "node:crypto";
import { createRequire } from "node:module";
import { join } from "node:path";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { connectTo } from "@stigmer/client/node";
import {
  ExecutionQueryController,
  type SubscribeRequestSchema,
  type SubscribeResponse,
} from "@stigmer/contracts/agentic";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { allOf } from "./all-of.fake.ts";
import { type Asking, type Driven, drive, generate } from "./driven.fake.ts";
import { untilEnd } from "./journal.fake.ts";
import { startKitRunner } from "./kit-runner.fake.ts";
import { type ModelServer, startModelServer } from "./model-server.fake.ts";
import { refused } from "./refused.fake.ts";
import { createAgent, execute, idOf } from "./resources.fake.ts";
import { startTestDaemon, type TestDaemon } from "./test-daemon.fake.ts";

let daemon: TestDaemon;
let provider: ModelServer;
let leaving: AbortController[] = [];

beforeEach(async () => {
  provider = await startModelServer();
  daemon = await startTestDaemon({ drainMs: 0 });
  daemon.configure(provider.config);
  await createAgent(daemon.client, { model: "held/m" });
});
afterEach(async () => {
  for (const leave of leaving) leave.abort();
  leaving = [];
  await daemon[Symbol.asyncDispose]();
  await provider[Symbol.asyncDispose]();
});

describe("a subscription", () => {
  it("replays, follows, and ends with the entry that ends the execution", async () => {
    const { id, lease, line } = await drive(daemon.client, "held/m");
    const live = subscribe({ executionId: id });
    const before = await live.entries(4);

    line.send({ case: "attemptFinished", value: { lease, outcome: { case: "output", value: "done" } } });
    const rest = await live.rest();
    const replayed = await subscribe({ executionId: id }).rest();

    expect([...before, ...rest].map(sequenceOf)).toEqual([1n, 2n, 3n, 4n, 5n]);
    expect(replayed).toEqual([...before, ...rest]);
  });

  it("begins at the entry that it asks for", async () => {
    const { id, lease, line } = await drive(daemon.client, "held/m");
    line.send({ case: "attemptFinished", value: { lease, outcome: { case: "output", value: "done" } } });
    await untilEnd(daemon.client, id);

    const parts = await Promise.all(
      [0n, 1n, 3n, 5n, 6n].map((fromSequence) => subscribe({ executionId: id, fromSequence }).rest()),
    );

    expect(parts.map((part) => part.map(sequenceOf))).toEqual([
      [1n, 2n, 3n, 4n, 5n],
      [1n, 2n, 3n, 4n, 5n],
      [3n, 4n, 5n],
      [5n],
      [],
    ]);
  });

  it("ends after the newest entry where it does not want to follow", async () => {
    const id = idOf(await execute(daemon.client));

    const entries = await subscribe({ executionId: id, stopAtEnd: true }).rest();

    expect(entries.map(sequenceOf)).toEqual([1n, 2n]);
  });

  it("is refused for an execution that there is none of, and from where there can be no entry", async () => {
    const id = idOf(await execute(daemon.client));

    const unknown = await refused(subscribe({ executionId: "aex_0" }).rest());
    const negative = await refused(subscribe({ executionId: id, fromSequence: -1n }).rest());
    const huge = await refused(subscribe({ executionId: id, fromSequence: 2n ** 62n }).rest());

    expect(unknown.reason).toBe("RESOURCE_NOT_FOUND");
    for (const fault of [negative, huge]) expect(fault).toMatchObject({ kind: "invalid", reason: "INVALID_REQUEST" });
  });

  it("sends each entry with the hash that follows from the one before", async () => {
    await using _ = startKitRunner(daemon);
    const id = idOf(await execute(daemon.client, { model: daemon.script([{ text: "hi" }]) }));

    const entries = await subscribe({ executionId: id }).rest();

    let hash: Uint8Array = new Uint8Array();
    for (const { message } of entries) {
      if (message.case !== "entry") continue;
      const { sequence, prevHash, event } = message.value;
      const number = Buffer.alloc(8);
      number.writeBigUInt64BE(sequence);
      expect(Buffer.from(prevHash).equals(hash)).toBe(true);
      hash = createHash("sha256").update(hash).update(number).update(event).digest();
      expect(Buffer.from(message.value.hash).equals(hash)).toBe(true);
    }
  });

  it("is one of 256 at most, and makes room when it ends", async () => {
    const id = idOf(await execute(daemon.client));
    const clients = [connectTo({ url: daemon.url }), connectTo({ url: daemon.url })];
    const readers = Array.from({ length: 256 }, (_, at) => subscribe({ executionId: id }, clients[at % 2]));
    await Promise.all(readers.map((reader) => reader.next()));

    const fault = await refused(subscribe({ executionId: id }).next());
    readers[0]?.leave();
    const freed = await onceThereIsRoom(() => subscribe({ executionId: id }).next());
    for (const client of clients) client.close();

    expect(fault).toMatchObject({ kind: "exhausted", reason: "LIMIT_REACHED", facts: { limit: "subscribers" } });
    expect(sequenceOf(freed)).toBe(1n);
  });

  it("ends as unavailable when the daemon stops, not as if the execution had ended", async () => {
    const id = idOf(await execute(daemon.client));
    const live = subscribe({ executionId: id });
    await live.entries(2);

    const [fault] = await Promise.all([refused(live.rest()), daemon.stop()]);

    expect(fault).toMatchObject({ kind: "unavailable", reason: "SHUTTING_DOWN" });
  });
});

describe("the text of an open call", () => {
  it("is sent as it grows, each piece with its place in bytes", async () => {
    const { id, lease } = await drive(daemon.client, "held/m");
    const answered = allOf(generate(daemon.client, lease));
    const call = await provider.next();
    const live = subscribe({ executionId: id, fromSequence: 6n });

    call.say("grüß ");
    const first = await live.next();
    call.say("dich");
    const second = await live.next();
    call.finish();
    await answered;
    const ending = await live.next();

    expect([first, second].map(deltaOf)).toEqual([
      { stepKey: "model", attempt: 1, offset: 0n, text: "grüß " },
      { stepKey: "model", attempt: 1, offset: 7n, text: "dich" },
    ]);
    expect(sequenceOf(ending)).toBe(6n);
  });

  it("goes on from the byte that a reader has", async () => {
    const { id, lease } = await drive(daemon.client, "held/m");
    ask(lease);
    const call = await provider.next();
    call.say("one two");
    const live = subscribe({ executionId: id, fromSequence: 6n });
    await live.next();

    const resumed = await subscribe({ executionId: id, fromSequence: 6n, fromOffset: 4n }).next();
    const behind = subscribe({ executionId: id, fromSequence: 6n, fromOffset: 7n });
    const more = behind.next();
    call.say(" three");

    expect(deltaOf(resumed)).toMatchObject({ offset: 4n, text: "two" });
    expect(deltaOf(await more)).toMatchObject({ offset: 7n, text: " three" });
  });

  it("goes on in its stream, and begins anew in another", async () => {
    const { id, lease } = await drive(daemon.client, "held/m");
    ask(lease);
    const call = await provider.next();
    call.say("void");
    const reader = subscribe({ executionId: id, fromSequence: 6n });
    const fromStream = streamOf(await reader.next());
    const asked = { executionId: id, fromSequence: 6n, fromOffset: 2n, fromStream };
    const same = await subscribe(asked).next();

    call.drop();
    const again = await provider.next();
    again.say("good");
    await reader.entries(2);
    const resumed = subscribe(asked);
    const [restarted, anew] = [await resumed.next(), await resumed.next()];

    expect(deltaOf(same)).toMatchObject({ offset: 2n, text: "id" });
    expect(restarted.message).toMatchObject({ case: "restarted", value: { stepKey: "model", attempt: 1 } });
    expect(deltaOf(anew)).toMatchObject({ offset: 0n, text: "good" });
    expect([streamOf(same) === fromStream, streamOf(anew) === fromStream]).toEqual([true, false]);
  });

  it("begins anew where the reader's byte was in a call before", async () => {
    const { id, lease } = await drive(daemon.client, "held/m");
    const first = allOf(generate(daemon.client, lease, { stepKey: "one" }));
    (await provider.next()).finish();
    await first;
    ask(lease, { stepKey: "two" });
    const call = await provider.next();
    call.say("a longer text");
    const live = subscribe({ executionId: id, fromSequence: 8n });
    await live.next();

    const resumed = subscribe({ executionId: id, fromSequence: 6n, fromOffset: 4n });
    const [finished, started] = await resumed.entries(2);

    expect([finished, started].map((entry) => entry && sequenceOf(entry))).toEqual([6n, 7n]);
    expect(deltaOf(await resumed.next())).toMatchObject({ stepKey: "two", offset: 0n, text: "a longer text" });
  });

  it("is void where the provider is asked again", async () => {
    const { id, lease } = await drive(daemon.client, "held/m");
    ask(lease);
    const call = await provider.next();
    call.say("void");
    const live = subscribe({ executionId: id, fromSequence: 6n });
    const first = await live.next();
    call.drop();

    const again = await provider.next();
    again.say("good");
    const [restarted, second] = [await live.next(), await live.next()];

    expect(deltaOf(first)).toMatchObject({ offset: 0n, text: "void" });
    expect(restarted.message).toMatchObject({ case: "restarted", value: { stepKey: "model", attempt: 1 } });
    expect(deltaOf(second)).toMatchObject({ offset: 0n, text: "good" });
  });
});

describe("a journal", () => {
  it("verifies where it is whole", async () => {
    await using _ = startKitRunner(daemon);
    const id = idOf(await execute(daemon.client, { model: daemon.script([{ text: "hi" }]) }));
    await untilEnd(daemon.client, id);

    const verified = await daemon.client.service(ExecutionQueryController).verify({ executionId: id });
    const unknown = await refused(daemon.client.service(ExecutionQueryController).verify({ executionId: "aex_0" }));

    expect(verified).toMatchObject({ valid: true, entries: 8n, brokenAt: 0n });
    expect(unknown.reason).toBe("RESOURCE_NOT_FOUND");
  });

  it("does not verify with an entry of another one in the place of its own", async () => {
    const { id, other } = await twoJournals();

    await tamper((entries) => entries.put(keyOf(id, 3), entries.get(keyOf(other, 3))));

    const verified = await daemon.client.service(ExecutionQueryController).verify({ executionId: id });
    expect(verified).toMatchObject({ valid: false, entries: 2n, brokenAt: 3n });
  });

  it.each([
    ["changed bytes", (entries: Entries, key: string) => entries.put(key, flipped(entries.get(key)))],
    ["a missing entry", (entries: Entries, key: string) => entries.del(key)],
  ])("does not verify with %s", async (_, change) => {
    const { id } = await twoJournals();

    await tamper((entries) => change(entries, keyOf(id, 3)));

    const verified = await daemon.client.service(ExecutionQueryController).verify({ executionId: id });
    expect(verified).toMatchObject({ valid: false, entries: 2n, brokenAt: 3n });
  });
});

type Entries = { get(key: string): Uint8Array; put(key: string, value: Uint8Array): void; del(key: string): void };

async function twoJournals(): Promise<{ readonly id: string; readonly other: string }> {
  await using _ = startKitRunner(daemon);
  const ids: string[] = [];
  for (const text of ["one", "two"]) ids.push(idOf(await execute(daemon.client, { model: daemon.script([{ text }]) })));
  for (const id of ids) await untilEnd(daemon.client, id);
  const [id = "", other = ""] = ids;
  return { id, other };
}

/** Changes the database behind the daemon's back, while it is stopped. */
async function tamper(change: (entries: Entries) => void): Promise<void> {
  await daemon.stop();
  // The driver's own library: the daemon has none.
  const { ClassicLevel } = createRequire(import.meta.resolve("@stigmer/store-leveldb"))("classic-level");
  const level = new ClassicLevel(join(daemon.home, "data/db"), { keyEncoding: "utf8", valueEncoding: "view" });
  await level.open();
  const writes: Promise<void>[] = [];
  change({
    get: (key) => level.getSync(key),
    put: (key, value) => void writes.push(level.put(key, value)),
    del: (key) => void writes.push(level.del(key)),
  });
  await Promise.all(writes);
  await level.close();
  await daemon.start();
}

/** Where the driver keeps an entry. */
function keyOf(stream: string, sequence: number): string {
  return ["j", "local", stream, sequence.toString(16).padStart(14, "0")].join("\0");
}

function flipped(value: Uint8Array): Uint8Array {
  const copy = Uint8Array.from(value);
  copy[copy.length - 1] = (copy.at(-1) ?? 0) ^ 1;
  return copy;
}

function subscribe(request: MessageInitShape<typeof SubscribeRequestSchema>, client = daemon.client) {
  const leave = new AbortController();
  leaving.push(leave);
  const { signal } = leave;
  const source = client.service(ExecutionQueryController).subscribe(request, { signal })[Symbol.asyncIterator]();
  const next = async (): Promise<SubscribeResponse> => {
    const { done, value } = await source.next();
    if (done) throw new Error("the subscription ended");
    return value;
  };
  return {
    next,
    async entries(count: number): Promise<SubscribeResponse[]> {
      const list: SubscribeResponse[] = [];
      while (list.length < count) list.push(await next());
      return list;
    },
    rest: () => allOf({ [Symbol.asyncIterator]: () => source }),
    leave: () => leave.abort(),
  };
}

/** Asks the model; the answer is not waited for. */
function ask(lease: Driven["lease"], asking: Asking = {}): void {
  const leave = new AbortController();
  leaving.push(leave);
  allOf(generate(daemon.client, lease, { ...asking, signal: leave.signal })).catch(() => {}); // the test leaves it
}

function sequenceOf({ message }: SubscribeResponse): bigint | undefined {
  return message.case === "entry" ? message.value.sequence : undefined;
}

function deltaOf({ message }: SubscribeResponse) {
  if (message.case !== "delta") throw new Error(`a delta was waited for, and ${message.case} came`);
  const { stepKey, attempt, offset, text } = message.value;
  return { stepKey, attempt, offset, text };
}

function streamOf({ message }: SubscribeResponse): string {
  return message.case === "delta" ? message.value.stream : "";
}

/** Tries again while there is no room: the backend hears of the end of a stream a moment later. */
async function onceThereIsRoom<T>(attempt: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await attempt();
    } catch {
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
}
