import type { Command } from "commander";
import { openBackend } from "../backend/open-backend.ts";
import { type GlobalOptions, newLeaf } from "../command-line.ts";
import type { Deps } from "../deps.ts";
import { EXIT, Failure, misused } from "../failure.ts";
import { nameOf } from "../kinds/columns.ts";
import { applyManifest, explainFor } from "../manifest/apply-manifest.ts";
import { inApplyOrder } from "../manifest/apply-order.ts";
import { createRuleCheck } from "../manifest/check-rules.ts";
import type { Manifest } from "../manifest/manifest.ts";
import { formatProblem, type Problem } from "../manifest/place.ts";
import { parseManifests } from "../manifest/read-manifests.ts";
import { readSources } from "../manifest/sources.ts";
import { formatOf } from "../output/format.ts";
import { printJson } from "../output/print-json.ts";
import { printableLine } from "../output/printable.ts";
import { requireFiles, withFiles } from "./apply.ts";

export type Options = GlobalOptions & { readonly filename: readonly string[]; readonly server?: boolean };

export function newValidateCommand(deps: Deps, run = validate): Command {
  const description = "Checks manifests against the contract: names, types and rules. Asks no backend unless told.";
  return withFiles(newLeaf("validate", description))
    .option("--server", "then let the backend check them too, as apply --dry-run does")
    .action((_, command: Command) => run(deps, requireFiles<Options>(command)));
}

/** Says what is wrong with each manifest; ends as misused where anything is. */
export async function validate(deps: Deps, options: Options): Promise<void> {
  const format = formatOf(options.output, { isTTY: deps.stdout.isTTY, allowed: ["table", "json", "yaml", "name"] });
  const { manifests, problems: unread } = parseManifests(await readSources(deps, options.filename));
  if (manifests.length === 0 && unread.length === 0) {
    throw misused(
      `no manifest in ${options.filename.join(", ")}`,
      "a manifest has apiVersion, kind, metadata and spec",
    );
  }
  const check = createRuleCheck();
  const problems = [...unread, ...manifests.flatMap(check)];
  if (format === "json" || format === "yaml") await printJson(deps, reportOf(manifests, problems), format);
  if (problems.length > 0) throw refusal(problems);
  if (options.server) await validateThere(deps, options, manifests);
  if (format === "json" || format === "yaml") return;
  const lines = manifests.map(({ kind, resource }) => nameOf(kind, resource));
  await deps.stdout.write(
    lines.map((name) => `${printableLine(format === "name" ? name : `${name} valid`)}\n`).join(""),
  );
}

async function validateThere(deps: Deps, options: Options, manifests: readonly Manifest[]): Promise<void> {
  await using backend = await openBackend(deps, options);
  const failures: Failure[] = [];
  for (const manifest of inApplyOrder(manifests)) {
    try {
      await applyManifest(deps, backend.client(), { manifest, dryRun: true, org: backend.org });
    } catch (error) {
      failures.push(explainFor(manifest, error));
    }
  }
  const [first, ...rest] = failures;
  if (!first) return;
  const others = [...first.others, ...rest.flatMap(({ message, others: more }) => [message, ...more])];
  throw new Failure(first.exit, first.message, first.next, { others, cause: first });
}

function refusal(problems: readonly Problem[]): Failure {
  const [first = "", ...others] = problems.map(formatProblem);
  return new Failure(EXIT.misused, first, "correct it, then: stigmer validate -f <path>", { others });
}

function reportOf(manifests: readonly Manifest[], problems: readonly Problem[]): object {
  return {
    valid: problems.length === 0,
    resources: manifests.map(({ kind, resource }) => nameOf(kind, resource)),
    problems: problems.map(({ place, path, message }) => ({ ...place, path, message })),
  };
}
