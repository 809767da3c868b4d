import { createRateLimit } from "./rate-limit.ts";

const LONGEST_LINE = 16_384;

/** Hands a server's log on, as much of it as a person may still read. */
export function createServerLog(hand: (line: string) => void, now: () => number): (line: string) => void {
  const limit = createRateLimit({ burst: 200, perSecond: 20, now });
  return (line) => {
    if (!limit.take()) return;
    const missed = limit.missed();
    if (missed > 0) hand(`… ${missed} lines left out`);
    hand(line.length > LONGEST_LINE ? `${line.slice(0, LONGEST_LINE - 1)}…` : line);
  };
}
