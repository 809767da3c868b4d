import type { Clock } from "./clock.ts";

/** Mints ids that are never used again. */
export interface IdSource {
  /** `<prefix>_<ULID>`; ids of one source sort bytewise in the order in which they were minted. */
  mint(prefix: string): string;
  /** Five random lower-case letters and digits, for `generate_name`. */
  suffix(): string;
}

const CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const NAME_LETTERS = "abcdefghijkmnpqrstuvwxyz23456789";
const RANDOM_CHARACTERS = 16;
const POOL_BYTES = 4_096;

/** ULIDs (github.com/ulid/spec), monotonic within the source even when the clock goes back. */
export function createIds(clock: Clock): IdSource {
  let lastTime = 0;
  let random: number[] = [];
  const draw = createDraw();
  return {
    mint(prefix) {
      const now = clock.now();
      if (now > lastTime) {
        lastTime = now;
        random = draw(RANDOM_CHARACTERS);
      } else {
        increment(random);
      }
      return `${prefix}_${encodeTime(lastTime)}${random.map((value) => CROCKFORD.charAt(value)).join("")}`;
    },
    suffix: () =>
      draw(5)
        .map((value) => NAME_LETTERS.charAt(value))
        .join(""),
  };
}

/** What every id that is minted at `time` or later sorts behind, and none that was minted before. */
export function idsFrom(prefix: string, time: number): string {
  return `${prefix}_${encodeTime(Math.max(0, Math.ceil(time)))}`;
}

/** Characters' values, 0 to 31, at random. The bytes are asked for many at once: a call for a few costs as much. */
function createDraw(): (count: number) => number[] {
  const pool = new Uint8Array(POOL_BYTES);
  let used = pool.length;
  return (count) => {
    if (used + count > pool.length) {
      crypto.getRandomValues(pool);
      used = 0;
    }
    used += count;
    return Array.from(pool.subarray(used - count, used), (byte) => byte & 31);
  };
}

function increment(digits: number[]): void {
  for (let at = digits.length - 1; at >= 0; at--) {
    const digit = digits[at] ?? 0;
    if (digit < 31) {
      digits[at] = digit + 1;
      return;
    }
    digits[at] = 0;
  }
}

function encodeTime(time: number): string {
  let rest = time;
  let text = "";
  for (let count = 0; count < 10; count++) {
    text = CROCKFORD.charAt(rest % 32) + text;
    rest = Math.floor(rest / 32);
  }
  return text;
}
