import { expect, it } from "vitest";
import { createOutbox } from "./outbox.ts";

it("gives messages in order, those of before and after the reader came", async () => {
  const outbox = createOutbox<number>();
  outbox.push(1);
  const reading = all(outbox);

  outbox.push(2);
  outbox.push(3);
  outbox.close();

  expect(await reading).toEqual([1, 2, 3]);
});

it("takes nothing more once it is closed", async () => {
  const outbox = createOutbox<number>();
  outbox.push(1);

  outbox.close();
  outbox.push(2);

  expect(await all(outbox)).toEqual([1]);
});

it("wakes a reader that waits when it is closed", async () => {
  const outbox = createOutbox<number>();
  const reading = all(outbox);
  await Promise.resolve();

  outbox.close();

  expect(await reading).toEqual([]);
});

it("cuts off a reader that has fallen 10,000 messages behind, and holds no more than that", async () => {
  const outbox = createOutbox<number>();

  for (let count = 1; count <= 20_000; count++) outbox.push(count);

  const read = await all(outbox);
  expect(read).toHaveLength(10_000);
  expect(read.at(-1)).toBe(10_000);
});

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const read: T[] = [];
  for await (const item of items) read.push(item);
  return read;
}
