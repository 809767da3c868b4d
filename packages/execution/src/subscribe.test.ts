import type { SubscribeResponse } from "@stigmer/contracts/agentic";
import { ExecutionPhase as Phase } from "@stigmer/contracts/agentic";
import { beforeEach, describe, expect, it } from "vitest";
import { createTestJournals } from "./journal.fake.ts";
import { LONGEST_BEHIND_MS, MOST_BEHIND_BYTES } from "./reader-pace.ts";
import { brief, createStreaming, isDelta, type Streaming } from "./streaming.fake.ts";

let world: Streaming;

beforeEach(() => {
  world = createStreaming();
  world.append({ event: { case: "created", value: {} } });
});

describe("entries", () => {
  it("are replayed from where the reader asks, then followed, up to the one that ends the execution", async () => {
    world.change(Phase.RUNNING);
    const reader = world.subscribe({ fromSequence: 2n });
    const before = await reader.next();
    world.change(Phase.SUCCEEDED);

    expect([before, await reader.rest()].map((list) => list?.map(brief))).toEqual([["#2"], ["#3"]]);
  });

  it("go on after a failure from which the execution was retried", async () => {
    const first = world.subscribe();
    await first.next();
    world.change(Phase.FAILED);
    const failed = await first.rest();
    world.append({ event: { case: "retried", value: {} } });
    world.change(Phase.PENDING);
    const second = world.subscribe({ fromSequence: 3n });
    const retried = await second.until(({ message }) => message.case === "entry" && message.value.sequence === 4n);
    world.change(Phase.SUCCEEDED);

    expect([failed, retried, await second.rest()].map((list) => list.map(brief))).toEqual([
      ["#2"],
      ["#3", "#4"],
      ["#5"],
    ]);
    expect((await world.subscribe().rest()).map(brief)).toEqual(["#1", "#2", "#3", "#4", "#5"]);
  });

  it("are waited for where the reader asks for one that is not there yet", async () => {
    const reader = world.subscribe({ fromSequence: 3n });
    const first = reader.next();
    await turns();

    for (const phase of [Phase.RUNNING, Phase.PAUSED]) world.change(phase);

    expect((await first)?.map(brief)).toEqual(["#3"]);
  });

  it("are read once for all who follow", async () => {
    const readers = Array.from({ length: 200 }, () => world.subscribe());
    await Promise.all(readers.map((reader) => reader.next()));
    const next = readers.map((reader) => reader.next());
    const before = world.journals.reads();

    for (let count = 0; count < 10; count++) {
      world.change(Phase.RUNNING);
      const batches = await Promise.all(next.splice(0));
      // One list: whoever encodes it for one has it for all.
      expect(new Set(batches).size).toBe(1);
      expect(batches[0]?.map(brief)).toEqual([`#${count + 2}`]);
      next.push(...readers.map((reader) => reader.next()));
    }

    expect(world.journals.reads() - before).toBe(10);
    for (const reader of readers) reader.leave();
    await Promise.allSettled(next);
  });

  it("are no longer read when nobody follows", async () => {
    const reader = world.subscribe();
    await reader.next();
    const waiting = reader.next();
    reader.leave();
    await expect(waiting).rejects.toThrow("left");
    const before = world.journals.reads();

    world.change(Phase.RUNNING);
    await turns();

    expect(world.journals.reads()).toBe(before);
  });

  it("fail for all readers where the journal can't be read, and not for who comes after", async () => {
    let broken = false;
    world = createStreaming(
      createTestJournals(async () => {
        if (broken) throw new Error("unreadable");
      }),
    );
    world.append({ event: { case: "created", value: {} } });
    const readers = [world.subscribe(), world.subscribe()];
    for (const reader of readers) await reader.next();
    const waiting = readers.map((reader) => reader.next());

    broken = true;
    world.change(Phase.SUCCEEDED);

    for (const result of await Promise.allSettled(waiting)) expect(result).toMatchObject({ status: "rejected" });
    broken = false;
    expect((await world.subscribe().rest()).map(brief)).toEqual(["#1", "#2"]);
  });
});

describe("the text of a call", () => {
  it("is joined where it comes faster than it is sent", async () => {
    const { step } = world.call("model");
    const reader = world.subscribe({ fromSequence: 3n });
    const first = reader.next();
    await turns();

    for (const word of ["one ", "two ", "three"]) step.append(word);
    const joined = await first;
    step.append("!");

    expect([joined, await reader.next()].map((list) => list?.map(brief))).toEqual([
      ["model@0 one two three"],
      ["model@13 !"],
    ]);
  });

  it("goes on at the byte that the reader has of the same stream", async () => {
    const { step } = world.call("model");
    step.append("grüß dich");

    const [response] = await world
      .subscribe({ fromSequence: 3n, fromOffset: 4n, fromStream: step.stream() })
      .until(isDelta);

    expect(response && brief(response)).toBe("model@4 ß dich");
  });

  it.each([3, 5])("is sent from the beginning of the character that byte %i is in", async (fromOffset) => {
    const { step } = world.call("model");
    step.append("grüßen");

    const [response] = await world
      .subscribe({ fromSequence: 3n, fromOffset: BigInt(fromOffset), fromStream: step.stream() })
      .until(isDelta);

    expect(response && brief(response)).toBe(fromOffset === 3 ? "model@2 üßen" : "model@4 ßen");
  });

  it.each([
    ["of another stream", { fromOffset: 2n, fromStream: "another" }],
    ["of a longer text", { fromOffset: 99n }],
  ])("begins anew where the reader has some %s", async (_, asked) => {
    const { step } = world.call("model");
    step.append("text");

    const responses = await world.subscribe({ fromSequence: 3n, fromStream: step.stream(), ...asked }).until(isDelta);

    expect(responses.map(brief)).toEqual(["model again", "model@0 text"]);
  });

  it("costs no read of the store, and is one list for all who follow", async () => {
    const { step } = world.call("model");
    const readers = Array.from({ length: 200 }, () => world.subscribe({ fromSequence: 3n }));
    const next = readers.map((reader) => reader.next());
    await turns();
    const before = world.journals.reads();

    for (const word of ["one", "two", "three"]) {
      step.append(word);
      const batches = await Promise.all(next.splice(0));
      expect([new Set(batches).size, batches[0]?.length]).toEqual([1, 1]);
      next.push(...readers.map((reader) => reader.next()));
    }

    expect(world.journals.reads()).toBe(before);
    for (const reader of readers) reader.leave();
    await Promise.allSettled(next);
  });

  it("is void where it begins anew, which is said at once", async () => {
    const { step } = world.call("model");
    const reader = world.subscribe({ fromSequence: 3n });
    const first = reader.next();
    await turns();
    step.append("void");
    await first;

    step.restart();
    const restarted = await reader.next();
    step.append("good");
    const second = await reader.next();

    expect([restarted, second].map((list) => list?.map(brief))).toEqual([["model again"], ["model@0 good"]]);
  });

  it("comes for each of several calls that are open at once, and goes on for the one that is named", async () => {
    const [a, b] = [world.call("a").step, world.call("b").step];
    a.append("aaa");
    b.append("bbb");
    const reader = world.subscribe({ fromSequence: 4n });
    const seen = [await reader.next(), await reader.next()];
    const resumed = world.subscribe({ fromSequence: 4n, fromOffset: 2n, fromStream: b.stream() });

    const again = [await resumed.next(), await resumed.next(), await resumed.next()];

    expect(seen.map((list) => list?.map(brief))).toEqual([["a@0 aaa"], ["b@0 bbb"]]);
    expect(again.map((list) => list?.map(brief))).toEqual([["a again"], ["a@0 aaa"], ["b@2 b"]]);
  });

  it("begins without a word where the call began after what the reader has", async () => {
    const { step } = world.call("next");
    step.append("text");

    const responses = await world.subscribe({ fromSequence: 2n, fromOffset: 3n, fromStream: "before" }).until(isDelta);

    expect(responses.map(brief)).toEqual(["#2", "next@0 text"]);
  });

  it("never comes after the entry that ends the call", async () => {
    const call = world.call("model");
    const reader = world.subscribe({ fromSequence: 3n });
    const first = reader.next();
    await turns();

    call.step.append("late");
    call.finish("late");
    call.step.append("later");
    world.change(Phase.SUCCEEDED);

    const rest = [...((await first) ?? []), ...(await reader.rest())].map(brief);
    expect(rest.slice(rest.indexOf("#3"))).toEqual(["#3", "#4"]);
  });

  it("never comes of a call whose end is recorded, though somebody still works on it", async () => {
    const { step } = world.call("model");
    const reader = world.subscribe({ fromSequence: 3n });
    const first = reader.next();
    await turns();

    world.append({ stepKey: "model", attempt: 1, event: { case: "modelCallFinished", value: {} } });
    const ended = await first;
    const next = reader.next();
    step.append("late");
    await turns();
    world.change(Phase.SUCCEEDED);

    expect([ended, await next].map((list) => list?.map(brief))).toEqual([["#3"], ["#4"]]);
  });

  it("is not sent to one who comes when the outcome is recorded already", async () => {
    const call = world.call("model");
    call.step.append("text");
    world.journals.append("aex_1", { stepKey: "model", attempt: 1, event: { case: "modelCallFinished", value: {} } });

    const reader = world.subscribe();
    const first = await reader.next();
    const second = reader.next();
    await turns();
    world.change(Phase.SUCCEEDED);

    expect([first, await second].map((list) => list?.map(brief))).toEqual([["#1", "#2", "#3"], ["#4"]]);
  });
});

describe("a slow reader", () => {
  it("is told where to go on when it stops for too long while text waits", async () => {
    const { step } = world.call("model");
    const reader = world.subscribe({ fromSequence: 3n });
    const first = reader.next();
    await turns();
    step.append("one");
    await first;

    step.append(" two");
    await turns();
    world.pass(LONGEST_BEHIND_MS + 1);
    const fault = await reader.next().catch((error: unknown) => error);

    const facts = { sequence: "3", offset: "3", stream: step.stream() };
    expect(fault).toMatchObject({ kind: "exhausted", reason: "READER_TOO_SLOW", facts });
    const { sequence, offset, stream } = facts;
    const [resumed] = await world
      .subscribe({ fromSequence: BigInt(sequence), fromOffset: BigInt(offset), fromStream: stream })
      .until(isDelta);
    expect(resumed && brief(resumed)).toBe("model@3  two");
  });

  it("is borne with while nothing waits for it", async () => {
    const { step } = world.call("model");
    const reader = world.subscribe({ fromSequence: 3n });
    const first = reader.next();
    await turns();
    step.append("one");
    await first;
    world.pass(10 * LONGEST_BEHIND_MS);
    const second = reader.next();
    await turns();

    world.pass(10 * LONGEST_BEHIND_MS);
    step.append(" two");

    expect((await second)?.map(brief)).toEqual(["model@3  two"]);
  });

  it("is ended when more than the bound waits, and disturbs no other", async () => {
    const slow = world.subscribe();
    const quick = world.subscribe();
    for (const reader of [slow, quick]) await reader.next();
    const seen: SubscribeResponse[] = [];
    const mebibyte = "x".repeat(1024 * 1024);

    for (let bytes = 0; bytes <= MOST_BEHIND_BYTES; bytes += mebibyte.length) {
      world.append({ event: { case: "lateMessage", value: { message: mebibyte } } });
      seen.push(...((await quick.next()) ?? []));
    }

    await expect(slow.next()).rejects.toMatchObject({ reason: "READER_TOO_SLOW", facts: { sequence: "2" } });
    expect(seen.map(brief)).toEqual(seen.map((_, at) => `#${at + 2}`));
    expect(seen).toHaveLength(17);
  });

  it("gets in larger pieces what came in small ones", async () => {
    const { step } = world.call("model");
    const reader = world.subscribe({ fromSequence: 3n });
    const first = reader.next();
    await turns();
    step.append("0");
    await first;

    for (let count = 1; count < 3000; count++) {
      step.append(String(count % 10));
      await new Promise((resolve) => setImmediate(resolve));
    }
    const batch = await reader.next();

    expect(batch?.map(brief)).toEqual([`model@1 ${Array.from({ length: 2999 }, (_, at) => (at + 1) % 10).join("")}`]);
  });
});

/** Lets everything happen that is due. */
async function turns(): Promise<void> {
  for (let count = 0; count < 10; count++) await new Promise((resolve) => setImmediate(resolve));
}
