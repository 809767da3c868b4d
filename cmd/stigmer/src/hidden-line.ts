import type { Readable } from "node:stream";
import { StringDecoder } from "node:string_decoder";

/** A terminal's input, whose echo can be switched off. */
export type HidableInput = Readable & { readonly isTTY?: boolean; setRawMode?(isRaw: boolean): unknown };

const END_OF_TEXT = "\u0003";
const END_OF_TRANSMISSION = "\u0004";
const ERASE_LINE = "\u0015";
const ESCAPE = "\u001b";

/**
 * A line that a terminal does not show as it is written. Undefined where the user gives it up, by Ctrl-C or Ctrl-D, where the input
 * ends, and where the signal aborts.
 */
export function readHiddenLine(input: HidableInput, signal: AbortSignal): Promise<string | undefined> {
  return new Promise((resolve) => {
    const decoder = new StringDecoder("utf8");
    let line: string[] = [];
    const end = (text: string | undefined): void => {
      input.off("data", take);
      for (const event of ["end", "close", "error"]) input.off(event, giveUp);
      signal.removeEventListener("abort", giveUp);
      input.setRawMode?.(false);
      input.pause();
      resolve(text);
    };
    const giveUp = (): void => end(undefined);
    const take = (chunk: Buffer): void => {
      const text = decoder.write(chunk);
      if (text.startsWith(ESCAPE)) return; // an arrow or another key that is no text
      for (const key of text) {
        const isOver = key === END_OF_TEXT || (key === END_OF_TRANSMISSION && line.length === 0);
        if (isOver || key === "\r" || key === "\n") {
          end(isOver ? undefined : line.join(""));
          return;
        }
        if (key === ERASE_LINE) line = [];
        else if (key === "\u007f" || key === "\b") line.pop();
        else if (key >= " ") line.push(key);
      }
    };
    if (signal.aborted || input.destroyed || input.readableEnded) return resolve(undefined);
    input.setRawMode?.(true);
    for (const event of ["end", "close", "error"]) input.once(event, giveUp);
    signal.addEventListener("abort", giveUp);
    input.on("data", take);
    input.resume();
  });
}
