/** A name and its value, in the order of the file. */
export type Entry = { readonly name: string; readonly value: string };

/** A line that says no variable; its text is not repeated, as it may be a secret. */
export class DotEnvProblem extends Error {
  override readonly name = "DotEnvProblem";
}

const LINE = /^\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]{0,127})\s*=[^\S\n]*/;

/**
 * Reads a `.env` file: `NAME=value` lines, comments after `#`, values in single quotes as they are and in double quotes with `\n`, `\"`
 * and the like, which may go over many lines. Nothing is looked up or run. The last of two of one name counts.
 */
export function parseDotEnv(text: string): readonly Entry[] {
  const found = new Map<string, string>();
  let rest = text.replace(/^\ufeff/, "").replaceAll("\r\n", "\n");
  for (let line = 1; rest !== ""; ) {
    const { entry, taken } = nextOf(rest, line);
    if (entry) found.set(entry.name, entry.value);
    line += taken.split("\n").length - 1;
    rest = rest.slice(taken.length);
  }
  return [...found].map(([name, value]) => ({ name, value }));
}

function nextOf(rest: string, line: number): { readonly entry?: Entry; readonly taken: string } {
  const [first = ""] = rest.split("\n", 1);
  const whole = rest.slice(0, first.length + 1);
  if (/^\s*(#.*)?$/.test(first)) return { taken: whole };
  const [head, name] = LINE.exec(rest) ?? [];
  if (head === undefined || name === undefined) throw new DotEnvProblem(`line ${line} is no NAME=value`);
  const quote = rest[head.length];
  if (quote === '"' || quote === "'") return quoted(rest, { head, name, quote, line });
  const value = first
    .slice(head.length)
    .replace(/\s#.*$/, "")
    .trim();
  return { entry: { name, value }, taken: whole };
}

type Quoted = { readonly head: string; readonly name: string; readonly quote: string; readonly line: number };

function quoted(rest: string, { head, name, quote, line }: Quoted): { readonly entry: Entry; readonly taken: string } {
  let value = "";
  for (let at = head.length + 1; at < rest.length; at++) {
    const one = rest[at] ?? "";
    if (one === quote) {
      const [after = ""] = rest.slice(at + 1).split("\n", 1);
      if (!/^\s*(#.*)?$/.test(after)) throw new DotEnvProblem(`line ${line} goes on after its closing quote`);
      return { entry: { name, value }, taken: rest.slice(0, at + 1 + after.length + 1) };
    }
    if (one !== "\\" || quote === "'") value += one;
    else value += ESCAPES[rest[++at] ?? ""] ?? `\\${rest[at] ?? ""}`;
  }
  throw new DotEnvProblem(`the quote that line ${line} opens is never closed`);
}

const ESCAPES: Readonly<Record<string, string>> = { n: "\n", r: "\r", t: "\t", '"': '"', "\\": "\\", $: "$" };
