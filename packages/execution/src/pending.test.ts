import { isFault } from "@stigmer/base";
import { expect, it } from "vitest";
import { CallParked } from "./call-parked.ts";
import { createPending } from "./pending.ts";

const never = new AbortController().signal;

it("gives an answer to who waits, and owes it no longer", async () => {
  const pending = createPending<string>();
  pending.open("a", "runner");
  const waiting = pending.wait("a", never);

  const owed = pending.resolve("a", "runner", "answer");

  expect([owed, await waiting, pending.get("a")]).toEqual([true, "answer", undefined]);
});

it("keeps an answer that comes before anybody waits", async () => {
  const pending = createPending<string>();
  pending.open("a", "runner");
  pending.resolve("a", "runner", "early");

  expect(await pending.wait("a", never)).toBe("early");
});

it("takes an answer from who owes it, and from nobody else", async () => {
  const pending = createPending<string>();
  pending.open("a", "runner");

  const taken = [pending.resolve("a", "stranger", "forged"), pending.resolve("b", "runner", "unasked")];
  pending.resolve("a", "runner", "true");

  expect(taken).toEqual([false, false]);
  expect(await pending.wait("a", never)).toBe("true");
});

it("keeps the first of two answers, and the first of two who owe it", async () => {
  const pending = createPending<string>();
  pending.open("a", "first");
  pending.open("a", "second");

  pending.resolve("a", "second", "other");
  pending.resolve("a", "first", "one");
  pending.resolve("a", "first", "two");

  expect(await pending.wait("a", never)).toBe("one");
});

it("refuses what a lost runner owes, except what it still knows of", async () => {
  const pending = createPending<string>();
  for (const [key, instance] of [
    ["a", "lost"],
    ["b", "lost"],
    ["c", "other"],
  ] as const)
    pending.open(key, instance);
  const [a, b, c] = ["a", "b", "c"].map((key) => pending.wait(key, never));

  pending.lose("lost", new Set(["b"]));
  pending.resolve("b", "lost", "still");
  pending.resolve("c", "other", "too");

  const fault = await a?.catch((error: unknown) => error);
  expect(isFault(fault, "RUNNER_NOT_CONNECTED") && fault.kind).toBe("unavailable");
  expect([await b, await c]).toEqual(["still", "too"]);
});

it("refuses when the signal aborts, with its reason, and owes nothing afterwards", async () => {
  const pending = createPending<string>();
  pending.open("a", "runner");
  const abort = new AbortController();
  const waiting = pending.wait("a", abort.signal);

  abort.abort(new Error("enough"));

  await expect(waiting).rejects.toThrow("enough");
  expect(pending.get("a")).toBeUndefined();
  expect(pending.resolve("a", "runner", "late")).toBe(false);
});

it("refuses at once where nothing is owed, or the signal has aborted already", async () => {
  const pending = createPending<string>();
  pending.open("a", "runner");

  await expect(pending.wait("b", never)).rejects.toMatchObject({ reason: "RUNNER_NOT_CONNECTED" });
  await expect(pending.wait("a", AbortSignal.abort(new Error("before")))).rejects.toThrow("before");
});

it("forgets an answer that nobody will ask for", () => {
  const pending = createPending<string>();
  pending.open("a", "runner");
  pending.resolve("a", "runner", "large");

  pending.forget("a");

  expect(pending.get("a")).toBeUndefined();
});

it("goes on owing what a wait left because a person is asked: a later wait gets it", async () => {
  const pending = createPending<string>();
  pending.open("a", "runner");
  const parked = new AbortController();
  const left = pending.wait("a", parked.signal);

  parked.abort(new CallParked("apr_1"));

  await expect(left).rejects.toBeInstanceOf(CallParked);
  expect(pending.isOwedBy("a", "runner")).toBe(true);
  pending.resolve("a", "runner", "late");
  expect(await pending.wait("a", never)).toBe("late");
});

it("says who owes an answer", () => {
  const pending = createPending<string>();
  pending.open("a", "runner");

  expect([pending.isOwedBy("a", "runner"), pending.isOwedBy("a", "other"), pending.isOwedBy("b", "runner")]).toEqual([
    true,
    false,
    false,
  ]);
});
