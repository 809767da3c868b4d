import { ApplyResponse_Action as Action, type ApplyResponse, ApplyResponseSchema } from "@stigmer/contracts/commons";
import type { Command } from "commander";
import { openBackend } from "../backend/open-backend.ts";
import { type GlobalOptions, newLeaf } from "../command-line.ts";
import type { Deps } from "../deps.ts";
import { EXIT, Failure } from "../failure.ts";
import { nameOf } from "../kinds/columns.ts";
import { printMessage } from "../kinds/message-printer.ts";
import { diffManifest, explainFor } from "../manifest/apply-manifest.ts";
import { formatDiff } from "../manifest/diff-text.ts";
import type { Manifest } from "../manifest/manifest.ts";
import { readManifests } from "../manifest/read-manifests.ts";
import { type Format, formatOf } from "../output/format.ts";
import { printableLine } from "../output/printable.ts";
import { requireFiles, withFiles } from "./apply.ts";

export type Options = GlobalOptions & {
  readonly filename: readonly string[];
  readonly force?: boolean;
  readonly fieldManager?: string;
};

const EXITS = `
Exit code:
  0  nothing would change
  1  something would change, or the question could not be answered (which is said on stderr)
`;

export function newDiffCommand(deps: Deps, run = diff): Command {
  return withFiles(newLeaf("diff", "Shows what an apply of manifests would change, field by field. Changes nothing."))
    .option("--force", "as if fields that other managers have set were taken over")
    .option("--field-manager <name>", "who would set the fields; you unless told")
    .addHelpText("after", EXITS)
    .action((_, command: Command) => run(deps, requireFiles<Options>(command)));
}

/** Ends as failed where anything would change, as `diff` does, and says nothing more about it. */
export async function diff(deps: Deps, options: Options): Promise<void> {
  const format = formatOf(options.output, { isTTY: deps.stdout.isTTY, allowed: ["table", "json", "yaml", "name"] });
  const manifests = await readManifests(deps, options.filename);
  await using backend = await openBackend(deps, options);
  let changes = false;
  for (const manifest of manifests) {
    const applying = { ...options, manifest, org: backend.org };
    const answer = await diffManifest(deps, backend.client(), applying).catch((error: unknown) => {
      throw explainFor(manifest, error);
    });
    changes = (await printDiff(deps, { manifest, answer, format })) || changes;
  }
  if (changes) throw new Failure(EXIT.failed, "", "");
}

async function printDiff(
  deps: Deps,
  of: { readonly manifest: Manifest; readonly answer: ApplyResponse; readonly format: Format },
): Promise<boolean> {
  const { manifest, answer, format } = of;
  const changes = answer.diff.length > 0 || answer.action === Action.CREATED;
  if (format === "yaml") await deps.stdout.write("---\n");
  if (format === "json" || format === "yaml") await printMessage(deps, ApplyResponseSchema, answer, format);
  else if (changes) {
    const name = printableLine(nameOf(manifest.kind, manifest.resource));
    const head = format === "name" ? name : `--- ${answer.action === Action.CREATED ? "(none)" : name}\n+++ ${name}`;
    await deps.stdout.write(`${head}\n${format === "name" ? "" : formatDiff(answer.diff, deps)}`);
  }
  return changes;
}
