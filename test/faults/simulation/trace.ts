import { createHash } from "node:crypto";

/** What happened in a world, in order. Its digest is the same whenever the same things happened. */
export interface Trace {
  note(what: string): void;
  digest(): string;
  lines(): readonly string[];
}

export function createTrace(now: () => number): Trace {
  const lines: string[] = [];
  const hash = createHash("sha256");
  return {
    note(what) {
      const line = `${now().toFixed(3)} ${what}`;
      lines.push(line);
      hash.update(`${line}\n`);
    },
    digest: () => hash.copy().digest("hex"),
    lines: () => lines,
  };
}
