import { misused } from "../failure.ts";

const UNIT_MS = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 } as const;

/** The moment that a person means: so long ago (`7d`, `12h`), a date, or a time of RFC 3339; undefined for `all`. */
export function timeOf(text: string, now: number): Date | undefined {
  if (text === "all") return undefined;
  const [, count = "", unit = ""] = /^(\d{1,6})([smhdw])$/.exec(text) ?? [];
  if (unit) return new Date(Math.max(0, now - Number(count) * UNIT_MS[unit as keyof typeof UNIT_MS]));
  const time = /^\d{4}-\d{2}-\d{2}(T.+)?$/.test(text) ? Date.parse(text) : Number.NaN;
  if (!Number.isNaN(time)) return new Date(time);
  throw misused(`"${text}" is not a time`, "write how long ago, such as 7d or 12h, a date such as 2026-11-01, or all");
}
