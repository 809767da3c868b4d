const MAX_MS = 24 * 60 * 60 * 1000;

/** How long a provider asks to wait, in milliseconds: `retry-after-ms`, or `retry-after` in seconds or as a date. A day at most. */
export function retryAfterMs(headers: Headers, now: number): number | undefined {
  const ms = numberIn(headers.get("retry-after-ms")) ?? fromSecondsOrDate(headers.get("retry-after"), now);
  return ms === undefined ? undefined : Math.min(Math.max(0, Math.ceil(ms)), MAX_MS);
}

function fromSecondsOrDate(text: string | null, now: number): number | undefined {
  const seconds = numberIn(text);
  if (seconds !== undefined) return seconds * 1000;
  // A date names its day; without that, "-1" would be read as a year.
  const date = text && /[a-z]/i.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(date) ? undefined : date - now;
}

function numberIn(text: string | null): number | undefined {
  return text && /^\d+(\.\d+)?$/.test(text.trim()) ? Number(text) : undefined;
}
