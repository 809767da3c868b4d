import { createHash } from "node:crypto";
import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { BlobCommandController } from "@stigmer/contracts/platform";
import type { Calls } from "./calls.ts";
import { isObject } from "./samples.ts";

/**
 * A described skill whose `SKILL.md` is there and says what the description says of it: a backend takes no other. What of
 * the files is described otherwise stays as it is.
 */
export async function withSkillMd(calls: Pick<Calls, "call">, described: JsonObject): Promise<JsonObject> {
  const { metadata, spec } = described;
  if (!isObject(metadata) || !isObject(spec) || !Array.isArray(spec.files)) return described;
  const name = metadata.name ?? String(metadata.generateName ?? "").replace(/-+$/, "");
  const bytes = new TextEncoder().encode(
    `---\nname: ${JSON.stringify(name)}\ndescription: ${JSON.stringify(spec.description)}\n---\n`,
  );
  const digest = `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
  const size = BigInt(bytes.length);
  await calls.call(BlobCommandController.method.append, { digest, size, data: bytes });
  const files = spec.files.map((file: JsonValue) =>
    isObject(file) && file.path === "SKILL.md" ? { ...file, digest, size: String(size) } : file,
  );
  return { ...described, spec: { ...spec, files } };
}
