import type { Readable } from "node:stream";
import { StringDecoder } from "node:string_decoder";
import type { WriteStream } from "node:tty";
import type { Sink, Source } from "./deps.ts";

const DEFAULT_COLUMNS = 80;

/** A sink, and what waits until all that went there is written. */
export type FlushableSink = Sink & { flush(): Promise<void> };

/**
 * A sink over one of the process's streams, which takes time to open and is opened when it is first used. `onBroken` is told
 * when nobody reads it any more.
 */
export function sinkOver(
  open: () => NodeJS.WriteStream,
  onBroken: (error: NodeJS.ErrnoException) => void,
): FlushableSink {
  let opened: NodeJS.WriteStream | undefined;
  const stream = (): NodeJS.WriteStream => {
    opened ??= open().on("error", onBroken);
    return opened;
  };
  return {
    get isTTY() {
      return stream().isTTY === true;
    },
    get columns() {
      // A terminal that knows no size says 0.
      return (stream() as WriteStream).columns || DEFAULT_COLUMNS;
    },
    get rows() {
      return (stream() as WriteStream).rows || undefined;
    },
    write: (text) =>
      new Promise((resolve) => {
        if (stream().write(text)) resolve();
        else stream().once("drain", resolve);
      }),
    flush: () => new Promise((resolve) => (opened ? opened.write("", () => resolve()) : resolve())),
  };
}

/** A source over the process's standard input, which is not touched before it is used. */
export function sourceOver(
  input: () => Readable & { readonly isTTY?: boolean },
  edit: Source["edit"] = async () => ({ kind: "end" }),
): Source {
  const readLine = lineReader();
  return {
    edit,
    get isTTY() {
      return input().isTTY === true;
    },
    async text(maxBytes) {
      const chunks: Buffer[] = [];
      let size = 0;
      for await (const chunk of input()) {
        chunks.push(Buffer.from(chunk));
        size += chunk.length;
        if (size > maxBytes) throw new RangeError("the input is too large");
      }
      return new TextDecoder("utf-8", { fatal: true }).decode(Buffer.concat(chunks));
    },
    line: (signal) => readLine(input(), signal),
    hidden: async (signal) => (await import("./hidden-line.ts")).readHiddenLine(input(), signal),
  };
}

/**
 * Reads lines while somebody waits for one, and keeps what came beyond. The terminal is left in its own line mode: in
 * the raw mode of a line editor Ctrl-C would be a key like any other.
 */
function lineReader(): (input: Readable, signal: AbortSignal) => Promise<string | undefined> {
  const decoder = new StringDecoder("utf8");
  let kept = "";
  const take = (): string | undefined => {
    const end = kept.indexOf("\n");
    if (end < 0) return undefined;
    const line = kept.slice(0, end);
    kept = kept.slice(end + 1);
    return line.replace(/\r$/, "");
  };
  return async (input, signal) => {
    for (;;) {
      const line = take();
      if (line !== undefined) return line;
      const chunk = signal.aborted ? undefined : await nextChunk(input, signal);
      if (chunk === undefined) return undefined;
      kept += decoder.write(chunk);
    }
  };
}

/** What comes next; undefined at the end of the input, or when the signal aborts. */
function nextChunk(input: Readable, signal: AbortSignal): Promise<Buffer | undefined> {
  return new Promise((resolve) => {
    if (input.readableEnded || input.destroyed) return resolve(undefined);
    const end = (chunk: Buffer | undefined): void => {
      input.pause();
      for (const event of ["end", "close", "error"]) input.off(event, abandon);
      input.off("data", end);
      signal.removeEventListener("abort", abandon);
      resolve(chunk);
    };
    const abandon = (): void => end(undefined);
    for (const event of ["end", "close", "error"]) input.once(event, abandon);
    signal.addEventListener("abort", abandon);
    input.once("data", end);
    input.resume();
  });
}
