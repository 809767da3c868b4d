import { anyPack } from "@bufbuild/protobuf/wkt";
import { isFault } from "@stigmer/base";
import type { Client } from "@stigmer/client";
import {
  ApplyResponse_Action as Action,
  ApiResourceCommandController,
  type ApplyResponse,
  ApplyResponseSchema,
} from "@stigmer/contracts/commons";
import type { Command } from "commander";
import { openBackend } from "../backend/open-backend.ts";
import { collect, type GlobalOptions, newLeaf, optionsOf } from "../command-line.ts";
import type { Deps } from "../deps.ts";
import { explain } from "../explain.ts";
import { EXIT, Failure, misused } from "../failure.ts";
import { nameOf } from "../kinds/columns.ts";
import { printMessage } from "../kinds/resource-printer.ts";
import type { Manifest } from "../manifest/manifest.ts";
import { formatProblem, placeOfPath } from "../manifest/place.ts";
import { readManifests } from "../manifest/read-manifests.ts";
import { complain } from "../output/complain.ts";
import { type Format, formatOf } from "../output/format.ts";

export type Options = GlobalOptions & { readonly filename: readonly string[] };

export function newApplyCommand(deps: Deps, run = apply): Command {
  return newLeaf("apply", "Creates or replaces the resources of manifests, those that others refer to first.")
    .option("-f, --filename <path>", "YAML or JSON file, folder, or - for standard input; repeatable", collect)
    .allowExcessArguments(true)
    .action((_, command: Command) => {
      const options = optionsOf<Partial<Options>>(command);
      const { filename } = options;
      const [stray] = command.args;
      if (stray !== undefined) throw misused(`"${stray}" has no -f before it`, "write -f before each file or folder");
      if (!filename) throw misused("no manifest is given", "name a file or a folder: stigmer apply -f <path>");
      return run(deps, { ...options, filename });
    });
}

/** Applies every manifest that the backend takes; what it refuses is said, and the first refusal decides the exit code. */
export async function apply(deps: Deps, options: Options): Promise<void> {
  const format = formatOf(options.output, deps.stdout);
  const manifests = await readManifests(deps, options.filename);
  await using backend = await openBackend(deps, options);
  const failures: Failure[] = [];
  for (const manifest of manifests) {
    const answer = await applyOne(deps, backend.client(), manifest);
    if (!(answer instanceof Failure)) await printOutcome(deps, manifest, answer, format);
    else if (manifests.length === 1 || HOPELESS.has(answer.exit)) throw answer;
    else {
      failures.push(answer);
      await complain(deps, answer);
    }
  }
  const [first] = failures;
  if (first) throw new Failure(first.exit, `${failures.length} of ${manifests.length} resources were not applied`, "");
}

/** Ends after which the next manifest would fare no better. */
const HOPELESS: ReadonlySet<number> = new Set([EXIT.unreachable, EXIT.interrupted]);

async function applyOne(deps: Deps, client: Client, manifest: Manifest): Promise<ApplyResponse | Failure> {
  const resource = anyPack(manifest.kind.schema, manifest.resource);
  try {
    return await client.service(ApiResourceCommandController).apply({ resource }, { signal: deps.interrupt });
  } catch (error) {
    return explainFor(manifest, error);
  }
}

/** What the backend has against a manifest, with the places where it stands. */
export function explainFor(manifest: Manifest, error: unknown): Failure {
  const failure = explain(error);
  const start = manifest.places.get("");
  if (!isFault(error) || !start) return failure;
  const [first, ...others] = error.violations.map(({ field, description }) =>
    formatProblem({ place: placeOfPath(manifest.places, field) ?? start, path: field, message: description }),
  );
  const name = nameOf(manifest.kind, manifest.resource);
  const message = first ?? formatProblem({ place: start, path: "", message: `${name}: ${failure.message}` });
  return new Failure(failure.exit, message, failure.next, { others, cause: error });
}

const DONE: Readonly<Record<Action, string>> = {
  [Action.UNSPECIFIED]: "applied",
  [Action.CREATED]: "created",
  [Action.UPDATED]: "updated",
  [Action.UNCHANGED]: "unchanged",
};

async function printOutcome(deps: Deps, manifest: Manifest, answer: ApplyResponse, format: Format): Promise<void> {
  if (format === "yaml") await deps.stdout.write("---\n");
  if (format === "json" || format === "yaml") return await printMessage(deps, ApplyResponseSchema, answer, format);
  const name = nameOf(manifest.kind, manifest.resource);
  await deps.stdout.write(`${name}${format === "name" ? "" : ` ${DONE[answer.action]}`}\n`);
}
