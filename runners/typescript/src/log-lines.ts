import { StringDecoder } from "node:string_decoder";
import type { Masker } from "./masker.ts";

export type LogLinesOptions = {
  readonly masker: Masker;
  /** Longest line that is handed on, in characters; the rest of a longer one is left out. */
  readonly longestLine: number;
  readonly onLine: (line: string) => void;
};

/** What a server writes for people: cut into lines, without secrets, in bounded memory. */
export interface LogLines {
  push(chunk: Buffer): void;
  /** The last of it, as far as it is kept. */
  tail(): string;
}

// Far more than a form of a secret can be longer than what is shown of it.
const SLACK = 128 * 1024;
const TAIL_CHARACTERS = 4 * 1024;

export function createLogLines({ masker, longestLine, onLine }: LogLinesOptions): LogLines {
  const decoder = new StringDecoder("utf8");
  const most = longestLine + SLACK;
  let line = "";
  let isCut = false;
  let tail = "";
  const shown = (): string => {
    const masked = isCut ? masker.maskCut(line) : masker.mask(line);
    return masked.length > longestLine ? `${masked.slice(0, longestLine - 1)}…` : masked;
  };
  const finish = (): void => {
    const text = shown().trimEnd();
    line = "";
    isCut = false;
    if (text === "") return;
    tail = `${tail}${text}\n`.slice(-TAIL_CHARACTERS);
    onLine(text);
  };
  const take = (text: string): void => {
    const room = most - line.length;
    if (text.length > room) isCut = true;
    line += text.slice(0, Math.max(0, room));
  };
  return {
    push(chunk) {
      const [first = "", ...rest] = decoder.write(chunk).split("\n");
      take(first);
      for (const next of rest) {
        finish();
        take(next);
      }
    },
    // The line that has no end yet may be cut within a secret.
    tail: () => `${tail}${masker.maskCut(line)}`.slice(-TAIL_CHARACTERS).trim(),
  };
}
