import { relativeTime } from "./relative-time.ts";

/** How long until something, in its largest unit: `in 5m`, or `now` where its time has come. */
export function remainingTime(until: number, now: number): string {
  return until <= now ? "now" : `in ${relativeTime(now, until)}`;
}
