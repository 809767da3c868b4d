import type { Path } from "@bufbuild/protobuf/reflect";
import { createValidator } from "@stigmer/contracts/rules";
import { messageOf, registry } from "../kinds/registry.ts";
import type { Manifest } from "./manifest.ts";
import { type Problem, placeOfPath } from "./place.ts";

/** Checks manifests against the rules of the contract, as a backend does before it looks at what it has stored. */
export function createRuleCheck(): (manifest: Manifest) => readonly Problem[] {
  const validator = createValidator({ registry });
  return (manifest) => {
    const result = validator.validate(messageOf(manifest.kind), manifest.resource);
    if (result.kind === "valid") return [];
    const start = manifest.places.get("") ?? { file: "", line: 1, column: 1 };
    if (result.kind === "error") return [{ place: start, path: "", message: result.error.message }];
    return result.violations.map(({ field, message }) => {
      const path = pathText(field);
      return { place: placeOfPath(manifest.places, path) ?? start, path, message };
    });
  };
}

/** A path in the contract's JSON names: `spec.mcpServers[0].name`. */
function pathText(path: Path): string {
  let text = "";
  for (const part of path) {
    if (part.kind === "list_sub") text += `[${part.index}]`;
    else if (part.kind === "map_sub") text += `[${JSON.stringify(part.key)}]`;
    else text += `${text ? "." : ""}${part.kind === "field" ? part.jsonName : part.name}`;
  }
  return text;
}
