import { expect, it } from "vitest";
import { createMarkReader, markOf } from "./marks.ts";

it("finds each mark once, wherever the stream is cut", () => {
  const text = Buffer.from(`..${markOf(1)}@upd${markOf(22)}${markOf(333)}..`);
  for (let size = 1; size <= text.length; size++) {
    const found: number[] = [];
    const read = createMarkReader((number) => found.push(number));

    for (let at = 0; at < text.length; at += size) read(text.subarray(at, at + size));

    expect(found).toEqual([1, 22, 333]);
  }
});
