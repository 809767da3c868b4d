const UNITS: readonly (readonly [name: string, ms: number])[] = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["m", 60_000],
  ["s", 1000],
];

/** How long ago something was, in its largest unit: `5m`. What lies ahead, as clocks differ, is `0s`. */
export function relativeTime(then: number, now: number): string {
  const passed = Math.max(0, now - then);
  const [name, ms] = UNITS.find(([, unit]) => passed >= unit) ?? ["s", 1000];
  return `${Math.floor(passed / ms)}${name}`;
}
