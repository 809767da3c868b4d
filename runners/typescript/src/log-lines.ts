import { StringDecoder } from "node:string_decoder";
import { MASK, type Masker } from "./masker.ts";

export type LogLinesOptions = {
  readonly masker: Pick<Masker, "stream">;
  /** Longest line that is handed on, in characters; the rest of a longer one is left out. */
  readonly longestLine: number;
  readonly onLine: (line: string) => void;
};

/** What a server writes for people: cut into lines, without secrets, those included that go on over lines, in bounded memory. */
export interface LogLines {
  push(chunk: Buffer): void;
  /** Hands on what had to wait for what comes next; nothing comes. */
  end(): void;
  /** The last of it, as far as it is kept. */
  tail(): string;
}

const TAIL_CHARACTERS = 4 * 1024;

export function createLogLines({ masker, longestLine, onLine }: LogLinesOptions): LogLines {
  const decoder = new StringDecoder("utf8");
  const masking = masker.stream();
  let line = "";
  let isCut = false;
  let tail = "";
  const finish = (): void => {
    const text = (isCut ? `${line.slice(0, longestLine - 1)}…` : line).trimEnd();
    line = "";
    isCut = false;
    if (text === "") return;
    tail = `${tail}${text}\n`.slice(-TAIL_CHARACTERS);
    onLine(text);
  };
  const take = (text: string): void => {
    const room = longestLine - line.length;
    if (text.length > room) isCut = true;
    line += text.slice(0, room);
  };
  const show = (text: string): void => {
    const [first = "", ...rest] = text.split("\n");
    take(first);
    for (const next of rest) {
      finish();
      take(next);
    }
  };
  return {
    push: (chunk) => show(masking.push(decoder.write(chunk))),
    end() {
      // What is held back may be a secret that was cut off.
      if (masking.isHolding()) {
        masking.end();
        take(MASK);
      }
      finish();
    },
    tail: () => `${tail}${line}${masking.isHolding() ? MASK : ""}`.slice(-TAIL_CHARACTERS).trim(),
  };
}
