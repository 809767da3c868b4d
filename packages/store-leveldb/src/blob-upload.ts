import { createHash } from "node:crypto";
import { type FileHandle, mkdir, open, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { exhausted, invalid } from "@stigmer/base";
import type { BlobKey, BlobPiece, BlobProgress } from "@stigmer/store";
import { tenantFolder, unfinishedFolder, uploadName, wholePath } from "./blob-paths.ts";
import { errorCode } from "./error-code.ts";
import { namesIn, syncFolder } from "./folder.ts";

/** Where an upload takes place. */
export type UploadSite = {
  readonly root: string;
  readonly maxUnfinished: number;
  /** Makes room for one more upload; called before a new one is counted. */
  readonly beforeNew: (tenantRoot: string) => Promise<void>;
  /** Runs what must not happen twice at a time for the key. */
  readonly take: <T>(key: string, run: () => Promise<T>) => Promise<T>;
};

const READ_BYTES = 1024 * 1024;

/** Stores what of the piece is not there yet; see `Blobs.append`. Nobody else may append to the same upload. */
export async function appendPiece(site: UploadSite, piece: BlobPiece): Promise<BlobProgress> {
  const whole = await sizeOf(wholePath(site.root, piece).file);
  if (whole !== undefined && whole !== piece.size) throw mismatch(piece);
  if (whole !== undefined) return { offset: whole, complete: true };
  const path = uploadPath(site.root, piece);
  const received = await sizeOf(path);
  const isAsked = piece.data.length === 0 && piece.size > 0;
  if (piece.offset > (received ?? 0) || (isAsked && received === undefined))
    return { offset: received ?? 0, complete: false };
  await using file = await openUpload(site, path, received !== undefined);
  const offset = await writeFresh(file, piece, received ?? 0);
  if (offset < piece.size) return { offset, complete: false };
  await finish(site, piece, { file, path });
  return { offset, complete: true };
}

/** How large the file is; undefined where there is none. */
export async function sizeOf(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if (errorCode(error) === "ENOENT") return undefined;
    throw error;
  }
}

/** Where the pieces of an upload are gathered. */
export function uploadPath(root: string, { tenant, digest, size }: BlobKey & { readonly size: number }): string {
  return join(unfinishedFolder(tenantFolder(root, tenant)), uploadName(digest, size));
}

async function openUpload(site: UploadSite, path: string, isThere: boolean): Promise<FileHandle> {
  if (isThere) return await open(path, "r+");
  const folder = dirname(path);
  return await site.take(folder, async () => {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await site.beforeNew(dirname(folder));
    const { length } = await namesIn(folder);
    if (length >= site.maxUnfinished)
      throw exhausted("LIMIT_REACHED", { limit: "uploads of blobs that are not complete", max: site.maxUnfinished });
    return await open(path, "wx+", 0o600);
  });
}

async function writeFresh(file: FileHandle, { data, offset }: BlobPiece, received: number): Promise<number> {
  let at = received;
  const end = Math.max(received, offset + data.length);
  while (at < end) at += (await file.write(data, at - offset, end - at, at)).bytesWritten;
  return at;
}

type Upload = { readonly file: FileHandle; readonly path: string };

async function finish({ root }: UploadSite, key: BlobKey, { file, path }: Upload): Promise<void> {
  if (`sha256:${await digestOf(file)}` !== key.digest) {
    await rm(path, { force: true });
    throw mismatch(key);
  }
  await file.sync();
  const whole = wholePath(root, key);
  const made = await mkdir(whole.folder, { recursive: true, mode: 0o700 });
  await rename(path, whole.file);
  await syncFolder(whole.folder);
  if (made === undefined) return;
  await syncFolder(dirname(whole.folder));
  await syncFolder(root);
}

async function digestOf(file: FileHandle): Promise<string> {
  const hash = createHash("sha256");
  const buffer = new Uint8Array(READ_BYTES);
  for (let at = 0; ; ) {
    const { bytesRead } = await file.read(buffer, 0, buffer.length, at);
    if (bytesRead === 0) return hash.digest("hex");
    hash.update(buffer.subarray(0, bytesRead));
    at += bytesRead;
  }
}

function mismatch({ digest }: BlobKey): Error {
  const description = `the bytes are not those of ${digest}; upload them anew from the first one`;
  return invalid([{ field: "digest", description }], "BLOB_DIGEST_MISMATCH");
}
