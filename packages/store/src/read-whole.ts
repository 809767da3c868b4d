import { exhausted } from "@stigmer/base";
import type { BlobKey, Blobs } from "./blobs.ts";

/** All of a complete blob. Refuses one of more than `maxBytes` with `LIMIT_REACHED`, and as `read` does. */
export async function readWhole(blobs: Pick<Blobs, "read">, key: BlobKey, maxBytes: number): Promise<Uint8Array> {
  const { bytes, size } = await blobs.read(key, { offset: 0, limit: maxBytes });
  if (size > maxBytes) throw exhausted("LIMIT_REACHED", { limit: "blob bytes", max: maxBytes, digest: key.digest });
  return bytes;
}
