import type { Deps } from "../deps.ts";
import { EXIT, Failure, misused } from "../failure.ts";
import { allKinds } from "../kinds/kinds.ts";
import { inApplyOrder, keyOf } from "./apply-order.ts";
import { parseSource } from "./documents.ts";
import { type Manifest, understand } from "./manifest.ts";
import { formatPlace, formatProblem, type Problem } from "./place.ts";
import { readSources, type Source } from "./sources.ts";

/** Reads every manifest of the given files, in the order to apply them. Throws where anything is wrong with any. */
export async function readManifests(
  deps: Pick<Deps, "cwd" | "stdin">,
  paths: readonly string[],
): Promise<readonly Manifest[]> {
  const { manifests, problems } = parseManifests(await readSources(deps, paths));
  if (problems.length > 0) throw refusal(problems);
  if (manifests.length > 0) return inApplyOrder(manifests);
  throw misused(`no manifest in ${paths.join(", ")}`, "a manifest has apiVersion, kind, metadata and spec");
}

export function parseManifests(sources: readonly Source[]): {
  readonly manifests: readonly Manifest[];
  readonly problems: readonly Problem[];
} {
  const kinds = allKinds();
  const parsed = sources.map(parseSource);
  const understood = parsed.flatMap(({ documents }) => documents.map((document) => understand(document, kinds)));
  const manifests = understood.flatMap(({ manifest }) => (manifest ? [manifest] : []));
  const problems = [...parsed, ...understood].flatMap((part): readonly Problem[] => part.problems);
  return { manifests, problems: [...problems, ...twice(manifests)] };
}

const MAX_SHOWN = 20;

/** A failure that names every problem, the first ones where there are very many. */
function refusal(problems: readonly Problem[]): Failure {
  const lines = problems.slice(0, MAX_SHOWN).map(formatProblem);
  if (problems.length > MAX_SHOWN) lines.push(`and ${problems.length - MAX_SHOWN} more`);
  const [first = "", ...others] = lines;
  return new Failure(EXIT.misused, first, "nothing was applied; correct the manifest and apply it again", { others });
}

function twice(manifests: readonly Manifest[]): Problem[] {
  const first = new Map<string, Manifest>();
  return manifests.flatMap((manifest) => {
    const before = first.get(keyOf(manifest));
    first.set(keyOf(manifest), before ?? manifest);
    const place = manifest.places.get("");
    const at = before?.places.get("");
    if (!place || !at || keyOf(manifest).endsWith("/")) return [];
    return [
      { place, path: "metadata.name", message: `${keyOf(manifest)} is given twice, first at ${formatPlace(at)}` },
    ];
  });
}
