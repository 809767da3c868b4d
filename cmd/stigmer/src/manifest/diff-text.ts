import { toJson } from "@bufbuild/protobuf";
import { type Value, ValueSchema } from "@bufbuild/protobuf/wkt";
import type { FieldChange } from "@stigmer/contracts/commons";
import type { Deps } from "../deps.ts";
import { paintFor } from "../output/paint.ts";
import { printableLine } from "../output/printable.ts";
import { formatYaml } from "../output/yaml.ts";

/** Changes of fields as a unified diff: each value as YAML below its path, removed lines with `-`, added ones with `+`. */
export function formatDiff(changes: readonly FieldChange[], deps: Pick<Deps, "stdout" | "env">): string {
  const paint = paintFor(deps.stdout, deps.env);
  return changes
    .flatMap((change) => linesOf(change).map((line) => `${PAINTS[line[0] ?? ""]?.(paint, line) ?? line}\n`))
    .join("");
}

type Paint = ReturnType<typeof paintFor>;

const PAINTS: Readonly<Record<string, (paint: Paint, line: string) => string>> = {
  "-": (paint, line) => paint.red(line),
  "+": (paint, line) => paint.green(line),
  "@": (paint, line) => paint.dim(line),
};

function linesOf({ path, before, after, sensitive }: FieldChange): string[] {
  const hunk = `@@ ${printableLine(path)} @@`;
  if (sensitive) return [hunk, "- (sensitive)", "+ (sensitive, changed)"];
  const [old, next] = [textOf(before), textOf(after)];
  return [hunk, ...compare(old, next)];
}

function textOf(value: Value | undefined): readonly string[] {
  return value ? formatYaml(toJson(ValueSchema, value)).trimEnd().split("\n") : [];
}

/** What both begin and end with stands once, as context; the rest is removed and added. */
function compare(old: readonly string[], next: readonly string[]): string[] {
  const shorter = Math.min(old.length, next.length);
  let head = 0;
  while (head < shorter && old[head] === next[head]) head++;
  let tail = 0;
  while (tail < shorter - head && old.at(-1 - tail) === next.at(-1 - tail)) tail++;
  return [
    ...context(old.slice(0, head), "end"),
    ...old.slice(head, old.length - tail).map((line) => `- ${line}`),
    ...next.slice(head, next.length - tail).map((line) => `+ ${line}`),
    ...context(old.slice(old.length - tail), "start"),
  ];
}

const CONTEXT = 3;

function context(lines: readonly string[], near: "start" | "end"): string[] {
  const shown = near === "end" ? lines.slice(-CONTEXT) : lines.slice(0, CONTEXT);
  return shown.map((line) => `  ${line}`);
}
