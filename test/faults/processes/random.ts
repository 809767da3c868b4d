/** What a test of random moments starts from; SEED=… does it again. */
export const SEED = Number(process.env.SEED ?? Date.now() % 1_000_000);

/** A small seeded generator of numbers from 0 to 1, so that a failing run can be run again. */
export function createRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}
