import type { Env, Sink } from "../deps.ts";

export type Style = "red" | "green" | "yellow" | "cyan" | "dim" | "bold" | "italic" | "underline" | "strike";

export type Paint = Readonly<Record<Style, (text: string) => string>>;

/** Colours for a terminal; the same functions without colour for a pipe, or where NO_COLOR or a dumb terminal says so. */
export function paintFor(sink: Sink, env: Env): Paint {
  const on = hasColour(sink, env);
  const style =
    (open: number, close: number) =>
    (text: string): string =>
      on && text ? `\x1b[${open}m${text}\x1b[${close}m` : text;
  return {
    ...{ red: style(31, 39), green: style(32, 39), yellow: style(33, 39), cyan: style(36, 39) },
    ...{ dim: style(2, 22), bold: style(1, 22), italic: style(3, 23), underline: style(4, 24), strike: style(9, 29) },
  };
}

/** Whether text may have colour there. */
export function hasColour(sink: Sink, env: Env): boolean {
  return canDraw(sink, env) && !env.NO_COLOR;
}

/** Whether the cursor can be moved there, so that a line that has been written can be written anew. */
export function canDraw(sink: Sink, env: Env): boolean {
  return sink.isTTY && env.TERM !== "dumb";
}
