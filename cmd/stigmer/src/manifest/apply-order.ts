import { getOption, hasOption } from "@bufbuild/protobuf";
import { type ReflectMessage, reflect } from "@bufbuild/protobuf/reflect";
import { field as fieldOption } from "@stigmer/contracts/commons";
import { metadataOf } from "../kinds/columns.ts";
import { messageOf } from "../kinds/registry.ts";
import type { Manifest } from "./manifest.ts";

/** The same manifests, those that others refer to first; otherwise in the order in which they were written. */
export function inApplyOrder(manifests: readonly Manifest[]): readonly Manifest[] {
  const byName = new Map(manifests.map((manifest) => [keyOf(manifest), manifest]));
  const ordered = new Set<Manifest>();
  const entered = new Set<Manifest>();
  const place = (manifest: Manifest): void => {
    if (entered.has(manifest)) return; // placed already, or part of a circle that no order can serve
    entered.add(manifest);
    for (const key of referencesOf(reflect(messageOf(manifest.kind), manifest.resource))) {
      const target = byName.get(key);
      if (target) place(target);
    }
    ordered.add(manifest);
  };
  manifests.forEach(place);
  return [...ordered];
}

/** `Agent/my-agent`. */
export function keyOf({ kind, resource }: Manifest): string {
  return `${kind.kind}/${metadataOf(resource).name}`;
}

function* referencesOf(message: ReflectMessage): Iterable<string> {
  for (const field of message.fields) {
    if (!message.isSet(field)) continue;
    if (field.fieldKind === "message") yield* referencesOf(message.get(field));
    else if (field.fieldKind === "list" && field.listKind === "message") {
      for (const item of message.get(field)) yield* referencesOf(item as ReflectMessage);
    } else if (hasOption(field, fieldOption)) {
      const { referenceTo } = getOption(field, fieldOption);
      const values = field.fieldKind === "list" ? message.get(field) : [message.get(field)];
      if (referenceTo) for (const value of values) yield `${referenceTo}/${String(value)}`;
    }
  }
}
