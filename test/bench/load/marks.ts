/** Stands in a message where the load writes a number that no other call has. */
export const COUNTER = "000000000000";

/** Comes before the number of an update, so that whoever receives it can tell which it is. */
export const MARK = "@update=";

/** The mark of an update, of the same length for each. */
export function markOf(number: number): string {
  return MARK + `${number}`.padStart(COUNTER.length, "0");
}

/** Finds the marks in a stream of bytes, wherever it is cut. */
export function createMarkReader(found: (number: number) => void): (chunk: Buffer) => void {
  const length = MARK.length + COUNTER.length;
  let rest = Buffer.alloc(0);
  return (chunk) => {
    const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    let from = 0;
    for (;;) {
      const at = bytes.indexOf(MARK, from, "latin1");
      if (at === -1 || at + length > bytes.length) {
        rest = Buffer.from(bytes.subarray(at === -1 ? Math.max(from, bytes.length - MARK.length + 1) : at));
        return;
      }
      found(Number(bytes.toString("latin1", at + MARK.length, at + length)));
      from = at + length;
    }
  };
}
