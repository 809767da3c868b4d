import { expect, it } from "vitest";
import { createOutbox } from "./outbox.ts";

it("gives what was pushed, in order, then the end", async () => {
  const outbox = createOutbox<number>(10);
  outbox.push(1);
  const read: number[] = [];

  const reading = (async () => {
    for await (const item of outbox) read.push(item);
  })();
  outbox.push(2);
  outbox.end();
  await reading;

  expect(read).toEqual([1, 2]);
});

it("takes no more than it holds, and nothing after the end", () => {
  const outbox = createOutbox<number>(1);

  const taken = [outbox.push(1), outbox.push(2)];
  outbox.end();

  expect([...taken, outbox.push(3)]).toEqual([true, false, false]);
});
