import type { ServerHttp2Stream } from "node:http2";
import { type DescMessage, fromBinary, type Message } from "@bufbuild/protobuf";
import { cancelled, malformed, tooLarge } from "./protocol-faults.ts";

const HEAD_BYTES = 5;
/** Messages that may wait to be read; then no more are taken from the client until they are. */
const MOST_WAITING = 64;

/** Where requests come from, and what they are. */
export type Requests = {
  readonly stream: ServerHttp2Stream;
  readonly input: DescMessage;
  readonly maxMessageBytes: number;
};

/**
 * The messages of a request that has many, as they come. Throws, behind those that came whole, where bytes are no message,
 * one is too large, or the client goes before it has said that these are all.
 */
export function requestsOf({ stream, input, maxMessageBytes }: Requests): AsyncIterable<Message> {
  const waiting: Buffer[] = [];
  const cut = createCutter(maxMessageBytes);
  let isOver = false;
  let problem: unknown;
  let wake: (() => void) | undefined;
  const changed = (): void => {
    wake?.();
    wake = undefined;
  };
  const end = (why?: unknown): void => {
    if (isOver) return;
    isOver = true;
    problem = why;
    changed();
  };
  stream.on("data", (chunk: Buffer) => {
    if (isOver) return;
    try {
      cut.add(chunk, waiting);
    } catch (error) {
      end(error);
    }
    if (waiting.length >= MOST_WAITING) stream.pause();
    changed();
  });
  stream.on("end", () => end(cut.isWhole() ? undefined : malformed()));
  stream.on("close", () => end(cancelled()));
  return {
    async *[Symbol.asyncIterator]() {
      for (;;) {
        const frame = waiting.shift();
        if (frame !== undefined) {
          if (waiting.length === 0) stream.resume();
          yield parse(input, frame);
        } else if (!isOver) {
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
        } else if (problem === undefined) return;
        else throw problem;
      }
    },
  };
}

/** No request here has agreed to be packed, so that one that says it is can't be read. */
function parse(input: DescMessage, frame: Buffer): Message {
  try {
    if (frame[0] === 0) return fromBinary(input, frame.subarray(HEAD_BYTES));
  } catch {
    // It is none.
  }
  throw malformed();
}

type Cutter = {
  /** Adds to `frames` those that the chunk completes. Throws as soon as one is known to be too large. */
  add(chunk: Buffer, frames: Buffer[]): void;
  /** Whether nothing is left of a frame that has begun. */
  isWhole(): boolean;
};

/** Cuts what comes into frames. What has come of one is joined once, when the rest is there. */
function createCutter(maxBytes: number): Cutter {
  let parts: Buffer[] = [];
  let size = 0;
  let wanted = HEAD_BYTES;
  const take = (): Buffer => {
    const whole = parts.length === 1 ? parts[0] : Buffer.concat(parts, size);
    return whole ?? Buffer.alloc(0);
  };
  return {
    add(chunk, frames) {
      parts.push(chunk);
      size += chunk.length;
      while (size >= wanted) {
        const whole = take();
        const length = whole.readUInt32BE(1);
        if (length > maxBytes) throw tooLarge();
        parts = [whole];
        wanted = HEAD_BYTES + length;
        if (size < wanted) return;
        frames.push(whole.subarray(0, wanted));
        parts = size > wanted ? [whole.subarray(wanted)] : [];
        size -= wanted;
        wanted = HEAD_BYTES;
      }
    },
    isWhole: () => size === 0,
  };
}
