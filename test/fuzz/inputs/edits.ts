import fc from "fast-check";

/** A change of some bytes. Positions wrap around, so that an edit fits any bytes. */
export type Edit =
  | { readonly op: "set"; readonly at: number; readonly value: number }
  | { readonly op: "flip"; readonly at: number; readonly bit: number }
  | { readonly op: "insert"; readonly at: number; readonly bytes: Uint8Array }
  | { readonly op: "remove"; readonly at: number; readonly length: number }
  | { readonly op: "repeat"; readonly at: number; readonly length: number; readonly times: number }
  | { readonly op: "cut"; readonly at: number };

const at = fc.nat({ max: 0xffff });
const length = fc.integer({ min: 1, max: 40 });

/** A few edits, often none. */
export const edits: fc.Arbitrary<readonly Edit[]> = fc.oneof(
  { weight: 1, arbitrary: fc.constant([]) },
  {
    weight: 2,
    arbitrary: fc.array(
      fc.oneof(
        fc.record({ op: fc.constant("set" as const), at, value: fc.constantFrom(0, 1, 0x7f, 0x80, 0xff, 0x0a, 0x22) }),
        fc.record({ op: fc.constant("flip" as const), at, bit: fc.nat({ max: 7 }) }),
        fc.record({ op: fc.constant("insert" as const), at, bytes: fc.uint8Array({ maxLength: 12 }) }),
        fc.record({ op: fc.constant("remove" as const), at, length }),
        fc.record({ op: fc.constant("repeat" as const), at, length, times: fc.integer({ min: 1, max: 200 }) }),
        fc.record({ op: fc.constant("cut" as const), at }),
      ),
      { minLength: 1, maxLength: 5 },
    ),
  },
);

export function edited(bytes: Uint8Array, changes: readonly Edit[]): Uint8Array<ArrayBuffer> {
  return changes.reduce(apply, new Uint8Array(bytes));
}

function apply(bytes: Uint8Array<ArrayBuffer>, edit: Edit): Uint8Array<ArrayBuffer> {
  const place = bytes.length === 0 ? 0 : edit.at % bytes.length;
  if (edit.op === "cut") return bytes.slice(0, place);
  if (edit.op === "insert") return joined(bytes.slice(0, place), edit.bytes, bytes.slice(place));
  if (edit.op === "remove") return joined(bytes.slice(0, place), bytes.slice(place + edit.length));
  if (edit.op === "repeat") {
    const part = bytes.slice(place, place + edit.length);
    return joined(bytes.slice(0, place), ...Array.from({ length: edit.times }, () => part), bytes.slice(place));
  }
  const next = bytes.slice();
  const old = next[place];
  if (old !== undefined) next[place] = edit.op === "set" ? edit.value : old ^ (1 << edit.bit);
  return next;
}

function joined(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}
