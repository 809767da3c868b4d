import { setTimeout } from "node:timers/promises";

/** How fast a stream's tokens come. */
export const TOKENS_PER_SECOND = 100;

const NUMBER_WIDTH = 8;
const TIME_WIDTH = 18;
/** Characters of a token: its number, the nanosecond at which it was written, and a blank after each. */
export const TOKEN_LENGTH = NUMBER_WIDTH + TIME_WIDTH + 2;

/** Hands out tokens at their pace, numbered from 0, each with the time of the monotonic clock at which it is handed out. */
export async function emitTokens(count: number, write: (token: string, number: number) => void): Promise<void> {
  const began = performance.now();
  for (let number = 0; number < count; number++) {
    const due = began + (number * 1000) / TOKENS_PER_SECOND;
    const early = due - performance.now();
    if (early > 0) await setTimeout(early);
    const now = `${process.hrtime.bigint()}`.padStart(TIME_WIDTH, "0");
    write(`${`${number}`.padStart(NUMBER_WIDTH, "0")} ${now} `, number);
  }
}

/** What a reader makes of the text of one stream, in whatever pieces it comes. */
export interface TokenReader {
  read(text: string): void;
  /** Characters that came so far. */
  length(): number;
  /** Milliseconds from the moment when each token was written until it came. */
  readonly latencies: readonly number[];
}

/** Reads tokens, and throws where one is missing, comes twice or comes out of order. */
export function createTokenReader(): TokenReader {
  const latencies: number[] = [];
  let rest = "";
  let length = 0;
  return {
    latencies,
    length: () => length,
    read(text) {
      const now = process.hrtime.bigint();
      length += text.length;
      rest += text;
      for (; rest.length >= TOKEN_LENGTH; rest = rest.slice(TOKEN_LENGTH)) {
        const number = Number(rest.slice(0, NUMBER_WIDTH));
        if (number !== latencies.length) throw new Error(`token ${number} came where ${latencies.length} was due`);
        latencies.push(Number(now - BigInt(rest.slice(NUMBER_WIDTH + 1, TOKEN_LENGTH - 1))) / 1e6);
      }
    },
  };
}
