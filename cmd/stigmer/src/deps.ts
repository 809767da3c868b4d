import type { Clock } from "@stigmer/base";
import type { LightClient } from "@stigmer/client/light";
import type { Processes } from "./backend/processes.ts";

/** A stream that text goes to. */
export interface Sink {
  readonly isTTY: boolean;
  /** Width of the terminal; 80 where there is none. */
  readonly columns: number;
  /** Resolves when the stream takes more, so that a slow reader slows the writer instead of filling memory. */
  write(text: string): Promise<void>;
}

/** Where text comes from. */
export interface Source {
  readonly isTTY: boolean;
  /** Everything up to the end; throws a `RangeError` past `maxBytes`, and a `TypeError` where it is not UTF-8. */
  text(maxBytes: number): Promise<string>;
  /** The next line without its end; undefined at the end of the stream or when the signal aborts. */
  line(signal: AbortSignal): Promise<string | undefined>;
}

export type Env = Readonly<Record<string, string | undefined>>;

/** Everything of the world that a command touches, beside files. */
export type Deps = {
  readonly stdout: Sink;
  readonly stderr: Sink;
  readonly stdin: Source;
  readonly env: Env;
  readonly cwd: string;
  /** The user's home folder; `.stigmer` in it is the default home. */
  readonly userHome: string;
  readonly version: string;
  readonly clock: Clock;
  /** Resolves after `ms`, or when the signal aborts. */
  readonly sleep: (ms: number, signal?: AbortSignal) => Promise<void>;
  /** Aborts at the first Ctrl-C. */
  readonly interrupt: AbortSignal;
  /** A client over the network; loading it costs time, so it is loaded when it is asked for. */
  readonly connect: (url: string, options?: { readonly attempts?: number }) => Promise<LightClient>;
  readonly processes: Processes;
  /** How the daemon is started: the program and its arguments. */
  readonly daemonCommand: readonly string[];
  /** The conformance suite's program; it may not be there. */
  readonly conformanceProgram: string;
};
