/**
 * Reads manifests as `apply` does, in a process of its own, for whoever has many to read: each message from the parent is a
 * source, and each answer says how many manifests are in it and what is wrong with it.
 */
import { parseManifests } from "./manifest/read-manifests.ts";
import type { Source } from "./manifest/sources.ts";

process.on("message", (source: Source) => {
  const { manifests, problems } = parseManifests([source]);
  process.send?.({ manifests: manifests.length, problems });
});
process.on("disconnect", () => process.exit());
