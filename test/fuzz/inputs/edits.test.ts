import { expect, it } from "vitest";
import { type Edit, edited } from "./edits.ts";

const BYTES = new Uint8Array([1, 2, 3, 4]);

it.each<[Edit, number[]]>([
  [{ op: "set", at: 5, value: 9 }, [1, 9, 3, 4]],
  [{ op: "flip", at: 0, bit: 7 }, [129, 2, 3, 4]],
  [{ op: "insert", at: 2, bytes: new Uint8Array([7, 8]) }, [1, 2, 7, 8, 3, 4]],
  [{ op: "remove", at: 1, length: 2 }, [1, 4]],
  [{ op: "repeat", at: 2, length: 1, times: 3 }, [1, 2, 3, 3, 3, 3, 4]],
  [{ op: "cut", at: 3 }, [1, 2, 3]],
])("edits bytes: %j", (edit, expected) => {
  expect([...edited(BYTES, [edit])]).toEqual(expected);
  expect([...BYTES]).toEqual([1, 2, 3, 4]);
});

it("leaves nothing of nothing, whatever the edit", () => {
  expect(edited(new Uint8Array(), [{ op: "flip", at: 3, bit: 1 }])).toHaveLength(0);
});
