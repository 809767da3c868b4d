import type { Clock } from "@stigmer/base";
import type { LightClient } from "@stigmer/client/light";
import type { Processes } from "./backend/processes.ts";

/** A stream that text goes to. */
export interface Sink {
  readonly isTTY: boolean;
  /** Width of the terminal; 80 where there is none. */
  readonly columns: number;
  /** Height of the terminal; absent where there is none. */
  readonly rows?: number | undefined;
  /** Resolves when the stream takes more, so that a slow reader slows the writer instead of filling memory. */
  write(text: string): Promise<void>;
}

/** What a person did at a line editor. */
export type Edited =
  | { readonly kind: "text"; readonly text: string }
  /** Ctrl-C. */
  | { readonly kind: "interrupted" }
  /** Ctrl-D, or the signal aborted. */
  | { readonly kind: "end" };

export type EditOptions = {
  readonly prompt: string;
  /** Earlier lines, the newest first. */
  readonly history: readonly string[];
  readonly signal: AbortSignal;
};

/** Where text comes from. */
export interface Source {
  readonly isTTY: boolean;
  /** A line that is not shown as it is written, on a terminal only; undefined where the user gives it up. */
  hidden(signal: AbortSignal): Promise<string | undefined>;
  /** Has a person write a text at a line editor, on a terminal only. What is pasted may have many lines. */
  edit(options: EditOptions): Promise<Edited>;
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
  /** Version of Node.js that runs this program. */
  readonly nodeVersion: string;
  readonly clock: Clock;
  /** Resolves after `ms`, or when the signal aborts. */
  readonly sleep: (ms: number, signal?: AbortSignal) => Promise<void>;
  /** Aborts at the first Ctrl-C. */
  readonly interrupt: AbortSignal;
  /** Until it is disposed of, Ctrl-C calls this instead. */
  readonly catchInterrupts: (onInterrupt: () => void) => Disposable;
  /** A client over the network; loading it costs time, so it is loaded when it is asked for. */
  readonly connect: (url: string, options?: { readonly attempts?: number }) => Promise<LightClient>;
  /** A plain HTTP request, to find servers on this machine. */
  readonly fetch: typeof fetch;
  readonly processes: Processes;
  /** How the daemon is started: the program and its arguments. */
  readonly daemonCommand: readonly string[];
  /** The conformance suite's program; it may not be there. */
  readonly conformanceProgram: string;
};
