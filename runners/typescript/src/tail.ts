/** The last bytes of a stream, as text. */
export interface Tail {
  push(chunk: Buffer): void;
  text(): string;
}

export function createTail(bytes: number): Tail {
  let kept = Buffer.alloc(0);
  return {
    push(chunk) {
      // A copy, so that the chunk's own, larger memory is let go.
      kept = Buffer.from(Buffer.concat([kept, chunk.subarray(-bytes)]).subarray(-bytes));
    },
    text: () => kept.toString("utf8").trim(),
  };
}
