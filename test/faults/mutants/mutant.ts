/** One place in a source: `from` stands there exactly once, and the mutant has `to` instead. */
export type Edit = { readonly file: string; readonly from: string; readonly to: string };

/** What is red where a promise is broken. */
export type Killer =
  /** Tests beside the sources whose whole names contain these words. */
  | { readonly test: string; readonly named: string }
  /** The first so many worlds of the simulation, up to the first in which a promise is broken. */
  | { readonly worlds: number };

/** The engine without one of the things that keep its promises. */
export type Mutant = {
  /** What it does. */
  readonly name: string;
  /** Several where each alone would still keep the promise; which and why is said beside them. */
  readonly edits: readonly Edit[];
  /** Each of them finds it. */
  readonly caughtBy: readonly Killer[];
};

/** Where the tests of the daemon are: those that see the engine as its callers do. */
export const DAEMON = "cmd/stigmer-daemon/src";

export function edit(file: string, from: string, to: string): Edit {
  return { file, from, to };
}

export function by(test: string, named: string): Killer {
  return { test, named };
}

/** A text with the edit made. Throws where the place is not there exactly once: then the mutant is to be written anew. */
export function edited(text: string, { file, from, to }: Edit): string {
  const places = text.split(from).length - 1;
  if (places !== 1) throw new Error(`${file} has ${places} places instead of one with ${JSON.stringify(from)}`);
  return text.replace(from, () => to);
}
