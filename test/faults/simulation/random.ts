/** A seeded source of chance. */
export interface Random {
  /** From 0 up to, and without, 1. */
  next(): number;
  chance(probability: number): boolean;
  /** A whole number from `least` to `most`, both included. */
  int(least: number, most: number): number;
  between(least: number, most: number): number;
  pick<T>(items: readonly T[]): T;
  /** A source of its own for one purpose, so that what one part draws does not shift what another gets. */
  fork(purpose: string): Random;
}

export function createRandom(seed: number | string): Random {
  const start = hashOf(String(seed));
  const next = mulberry32(start);
  const int = (least: number, most: number): number => least + Math.floor(next() * (most - least + 1));
  return {
    next,
    chance: (probability) => next() < probability,
    int,
    between: (least, most) => least + next() * (most - least),
    pick(items) {
      const item = items[int(0, items.length - 1)];
      if (item === undefined) throw new Error("there is nothing to pick from");
      return item;
    },
    fork: (purpose) => createRandom(`${seed}/${purpose}`),
  };
}

/** FNV-1a. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return hash >>> 0;
}

function mulberry32(start: number): () => number {
  let state = start;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}
