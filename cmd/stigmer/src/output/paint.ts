import type { Env, Sink } from "../deps.ts";

export type Paint = Readonly<Record<"red" | "green" | "yellow" | "dim" | "bold", (text: string) => string>>;

/** Colours for a terminal; the same functions without colour for a pipe, or where NO_COLOR or a dumb terminal says so. */
export function paintFor(sink: Sink, env: Env): Paint {
  const on = sink.isTTY && !env.NO_COLOR && env.TERM !== "dumb";
  const style =
    (open: number, close: number) =>
    (text: string): string =>
      on && text ? `\x1b[${open}m${text}\x1b[${close}m` : text;
  return { red: style(31, 39), green: style(32, 39), yellow: style(33, 39), dim: style(2, 22), bold: style(1, 22) };
}
