import { expect, it } from "vitest";
import { createTail } from "./tail.ts";

it.each([
  [["abc"], "abc"],
  [["abc", "def"], "cdef"],
  [["abcdefgh"], "efgh"],
  [[], ""],
])("keeps the last bytes of %j", (chunks, text) => {
  const tail = createTail(4);

  for (const chunk of chunks) tail.push(Buffer.from(chunk));

  expect(tail.text()).toBe(text);
});
