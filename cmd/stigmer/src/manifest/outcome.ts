import { ApplyResponse_Action as Action, type ApplyResponse, ApplyResponseSchema } from "@stigmer/contracts/commons";
import type { Deps } from "../deps.ts";
import { nameOf } from "../kinds/columns.ts";
import { printMessage } from "../kinds/message-printer.ts";
import type { Format } from "../output/format.ts";
import { printableLine } from "../output/printable.ts";
import { formatDiff } from "./diff-text.ts";
import type { Manifest } from "./manifest.ts";

export type Outcome = {
  readonly manifest: Manifest;
  readonly answer: ApplyResponse;
  readonly format: Format;
  readonly dryRun?: boolean | undefined;
};

const DONE: Readonly<Record<Action, string>> = {
  [Action.UNSPECIFIED]: "applied",
  [Action.CREATED]: "created",
  [Action.UPDATED]: "updated",
  [Action.UNCHANGED]: "unchanged",
};

/** Says what an apply did: one line on stdout, and on stderr what else happened to the fields. */
export async function printOutcome(deps: Deps, { manifest, answer, format, dryRun }: Outcome): Promise<void> {
  if (format === "yaml") await deps.stdout.write("---\n");
  if (format === "json" || format === "yaml") return await printMessage(deps, ApplyResponseSchema, answer, format);
  const name = nameOf(manifest.kind, manifest.resource);
  const done = `${DONE[answer.action]}${dryRun ? " (dry run)" : ""}`;
  await deps.stdout.write(`${printableLine(format === "name" ? name : `${name} ${done}`)}\n`);
  if (format === "name") return;
  if (dryRun) await deps.stdout.write(formatDiff(answer.diff, deps));
  const notes = [
    noteOf("filled in", answer.defaulted),
    noteOf("ignored, as only the backend sets them", answer.ignored),
    noteOf("removed, as nobody sets them any more", answer.pruned),
  ];
  await deps.stderr.write(notes.join(""));
}

const MAX_PATHS = 12;

function noteOf(what: string, paths: readonly string[]): string {
  if (paths.length === 0) return "";
  const more = paths.length > MAX_PATHS ? ` and ${paths.length - MAX_PATHS} more` : "";
  return `  ${what}: ${printableLine(paths.slice(0, MAX_PATHS).join(", "))}${more}\n`;
}
