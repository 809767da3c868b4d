/** What one side of a comparison came to. */
export type Side = { readonly name: string; readonly median: number; readonly min: number; readonly max: number };

/** What the ratio `ours / peer` must be. */
export type Goal = `${">=" | "<="} ${number}`;

/** One comparison; a line of `out/results.jsonl` is one of these as JSON. */
export type Row = {
  readonly row: string;
  readonly unit: string;
  readonly ours: Side;
  /** Without figures where the peer is not on this machine. */
  readonly peer: Side | { readonly name: string; readonly missing: string };
  readonly ratio: number | null;
  /** Null where the figure is for information. */
  readonly goal: Goal | null;
  readonly met: boolean | null;
  /** What a reader of the figure must know. */
  readonly note?: string;
};

/** The figures of one side, one for each round. */
export type Samples = { readonly name: string; readonly values: readonly number[] };

export type Comparison = {
  readonly row: string;
  readonly unit: string;
  readonly ours: Samples;
  /** `missing` says how to get a peer that is not there. */
  readonly peer: Samples | { readonly name: string; readonly missing: string };
  readonly goal: Goal | null;
  readonly note?: string | undefined;
};

/**
 * Sums a comparison up. The ratio is the median of the rounds' own ratios, since what slows a machine down for a while
 * slows both sides of a round; without rounds it is that of the medians.
 */
export function rowOf({ row, unit, ours: samples, peer: other, goal, note }: Comparison): Row {
  const ours = sideOf(samples);
  const about = note === undefined ? {} : { note };
  if ("missing" in other) return { row, unit, ours, peer: other, ratio: null, goal, met: null, ...about };
  const peer = sideOf(other);
  const ratio =
    samples.values.length === other.values.length ? ratioOfRounds(samples, other) : ours.median / peer.median;
  return { row, unit, ours, peer, ratio: rounded(ratio), goal, met: goal && meets(ratio, goal), ...about };
}

/** A row whose goal is a figure, not a peer's. */
export function absoluteRow(of: {
  readonly row: string;
  readonly unit: string;
  readonly ours: Samples;
  /** The most that it may be, or the least that it must be. */
  readonly bound: { readonly most: number } | { readonly least: number };
}): Row {
  const { bound, ...row } = of;
  if ("most" in bound) return rowOf({ ...row, peer: { name: "absolute", values: [bound.most] }, goal: "<= 1" });
  return rowOf({ ...row, peer: { name: "absolute", values: [bound.least] }, goal: ">= 1" });
}

function meets(ratio: number, goal: Goal): boolean {
  const bound = Number(goal.slice(3));
  return goal.startsWith(">=") ? ratio >= bound : ratio <= bound;
}

/** The value below which the share of the values lies; of no values, not a number. */
export function quantile(values: ArrayLike<number>, share: number): number {
  const sorted = Float64Array.from(values).sort();
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

function sideOf({ name, values }: Samples): Side {
  return {
    name,
    median: rounded(medianOf(values)),
    min: rounded(Math.min(...values)),
    max: rounded(Math.max(...values)),
  };
}

function ratioOfRounds(ours: Samples, peer: Samples): number {
  return medianOf(ours.values.map((value, round) => value / (peer.values[round] ?? Number.NaN)));
}

function medianOf(values: readonly number[]): number {
  const sorted = [...values].sort((one, other) => one - other);
  const middle = sorted.slice(Math.floor((sorted.length - 1) / 2), Math.floor(sorted.length / 2) + 1);
  return middle.reduce((sum, value) => sum + value, 0) / middle.length;
}

/** Four digits say more than a run of a few seconds knows. */
function rounded(value: number): number {
  return Number(value.toPrecision(4));
}
