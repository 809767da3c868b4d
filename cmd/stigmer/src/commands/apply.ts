import type { Command } from "commander";
import { openBackend } from "../backend/open-backend.ts";
import { collect, type GlobalOptions, newLeaf, optionsOf } from "../command-line.ts";
import type { Deps } from "../deps.ts";
import { EXIT, Failure, misused } from "../failure.ts";
import { applyManifest, explainFor } from "../manifest/apply-manifest.ts";
import type { Manifest } from "../manifest/manifest.ts";
import { printOutcome } from "../manifest/outcome.ts";
import { readManifests } from "../manifest/read-manifests.ts";
import { complain } from "../output/complain.ts";
import { formatOf } from "../output/format.ts";

export type Options = GlobalOptions & {
  readonly filename: readonly string[];
  readonly force?: boolean;
  readonly dryRun?: boolean;
  readonly fieldManager?: string;
};

export function newApplyCommand(deps: Deps, run = apply): Command {
  const command = newLeaf(
    "apply",
    "Makes resources be as manifests say, those that others refer to first. Says what was filled in, ignored and removed.",
  );
  return withFiles(command)
    .option("--force", "take over fields that other managers have set to other values")
    .option("--dry-run", "do everything but store, and say what would happen")
    .option("--field-manager <name>", "who sets the fields, as later applies will know it; you unless told")
    .action((_, command: Command) => run(deps, requireFiles<Options>(command)));
}

/** The option by which a command takes manifests. */
export function withFiles(command: Command): Command {
  return command
    .option("-f, --filename <path>", "YAML or JSON file, folder, or - for standard input; repeatable", collect)
    .allowExcessArguments(true);
}

/** A command's options, of which files are one; refuses what stands without `-f`. */
export function requireFiles<O extends GlobalOptions & { readonly filename: readonly string[] }>(command: Command): O {
  const options = optionsOf<Partial<O>>(command);
  const [stray] = command.args;
  if (stray !== undefined) throw misused(`"${stray}" has no -f before it`, "write -f before each file or folder");
  const next = `name a file or a folder: stigmer ${command.name()} -f <path>`;
  if (!options.filename) throw misused("no manifest is given", next);
  return options as O;
}

/** Applies every manifest that the backend takes; what it refuses is said, and the first refusal decides the exit code. */
export async function apply(deps: Deps, options: Options): Promise<void> {
  const format = formatOf(options.output, deps.stdout);
  const manifests = await readManifests(deps, options.filename);
  await using backend = await openBackend(deps, options);
  const failures: Failure[] = [];
  for (const manifest of manifests) {
    try {
      const answer = await applyManifest(deps, backend.client(), { ...options, manifest, org: backend.org });
      await printOutcome(deps, { manifest, answer, format, dryRun: options.dryRun });
    } catch (error) {
      failures.push(await keepOrThrow(deps, manifest, { error, alone: manifests.length === 1 }));
    }
  }
  const [first] = failures;
  if (first) throw new Failure(first.exit, `${failures.length} of ${manifests.length} resources were not applied`, "");
}

/** Ends after which the next manifest would fare no better. */
const HOPELESS: ReadonlySet<number> = new Set([EXIT.unreachable, EXIT.interrupted]);

async function keepOrThrow(
  deps: Deps,
  manifest: Manifest,
  of: { readonly error: unknown; readonly alone: boolean },
): Promise<Failure> {
  const failure = explainFor(manifest, of.error);
  if (of.alone || HOPELESS.has(failure.exit)) throw failure;
  await complain(deps, failure);
  return failure;
}
