import { expect, it } from "vitest";
import { createOutbox } from "./outbox.ts";

async function allOf<T>(source: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of source) items.push(item);
  return items;
}

it("hands over what was pushed, in order, and ends when it is closed", async () => {
  const outbox = createOutbox<number>();
  outbox.push(1);
  const reading = allOf(outbox);
  outbox.push(2);

  outbox.close();

  await expect(reading).resolves.toEqual([1, 2]);
});

it("takes nothing after it was closed", async () => {
  const outbox = createOutbox<number>();
  outbox.close();

  outbox.push(1);

  await expect(allOf(outbox)).resolves.toEqual([]);
});

it("cuts off a reader that never reads", async () => {
  const outbox = createOutbox<number>();
  for (let count = 0; count < 20_000; count++) outbox.push(count);

  const read = await allOf(outbox);

  expect(read.length).toBe(10_000);
});
