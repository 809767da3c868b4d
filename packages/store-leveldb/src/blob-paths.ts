import { createHash } from "node:crypto";
import { join } from "node:path";
import { invalid } from "@stigmer/base";
import type { BlobKey } from "@stigmer/store";

const UNFINISHED = "unfinished";

/** Where one tenant's blobs are. Its folder is a digest, so that no name of a tenant is ever a path. */
export function tenantFolder(root: string, tenant: string): string {
  return join(root, createHash("sha256").update(tenant).digest("hex").slice(0, 32));
}

/** The folder of a tenant's uploads that are not complete. */
export function unfinishedFolder(tenantRoot: string): string {
  return join(tenantRoot, UNFINISHED);
}

/** Where a complete blob is: the file, and its folder. */
export function wholePath(
  root: string,
  { tenant, digest }: BlobKey,
): { readonly folder: string; readonly file: string } {
  const hex = hexOf(digest);
  const folder = join(tenantFolder(root, tenant), hex.slice(0, 2));
  return { folder, file: join(folder, hex) };
}

/** Where an upload is. Its size is in the name: who says another size has an upload of its own. */
export function uploadName(digest: string, size: number): string {
  return `${hexOf(digest)}-${size}`;
}

/** Whether the file is an upload of this blob, of whatever size. */
export function isUploadOf(name: string, digest: string): boolean {
  return name.startsWith(`${hexOf(digest)}-`);
}

/** The digest's digits, which alone ever become part of a path. */
function hexOf(digest: string): string {
  const [, hex] = /^sha256:([0-9a-f]{64})$/.exec(digest) ?? [];
  if (hex === undefined) throw invalid([{ field: "digest", description: "must be sha256:<hex>" }]);
  return hex;
}
