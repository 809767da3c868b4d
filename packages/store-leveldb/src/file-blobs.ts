import { mkdir, open, rm, stat, statfs } from "node:fs/promises";
import { join } from "node:path";
import { type Clock, exhausted, Fault, internal, invalid, type Log, precondition } from "@stigmer/base";
import {
  type BlobKey,
  type BlobLimits,
  type BlobPiece,
  type BlobProgress,
  type BlobSlice,
  type Blobs,
  storeClosed,
} from "@stigmer/store";
import { isUploadOf, tenantFolder, unfinishedFolder, wholePath } from "./blob-paths.ts";
import { appendPiece, sizeOf, type UploadSite, uploadPath } from "./blob-upload.ts";
import { errorCode } from "./error-code.ts";
import { namesIn, syncFolder } from "./folder.ts";
import { NEEDED_BYTES } from "./room.ts";
import { createTurns, type Turns } from "./turns.ts";

export type FileBlobsOptions = {
  /** The data folder, which is locked; blobs go into `blobs` in it. */
  readonly dir: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly limits?: Partial<BlobLimits>;
  /** Free bytes of the disk of a folder; what the system says unless told. */
  readonly freeBytes?: (dir: string) => Promise<number>;
};

const HOUR_MS = 60 * 60 * 1000;
const DEFAULT_LIMITS: BlobLimits = { maxBytes: 256 * 1024 * 1024, maxUnfinished: 64, unfinishedMs: 24 * HOUR_MS };
const FULL = new Set(["ENOSPC", "EDQUOT", "EIO"]);

/** Opens the blobs of a data folder: a file for each. Drops uploads that have waited too long, now and every hour. */
export async function openFileBlobs(options: FileBlobsOptions): Promise<Blobs> {
  const state = await stateOf(options);
  const { root, limits, turns } = state;
  let closed = false;
  const guarded = async <T>(run: () => Promise<T>): Promise<T> => {
    if (closed) throw storeClosed();
    return await run().catch((error: unknown) => {
      throw blobFault(error, root);
    });
  };
  const close = async (): Promise<void> => {
    closed = true;
    clearInterval(sweeping);
    await turns.idle();
  };
  const sweep = () => dropOld(state).catch((error: unknown) => options.log.warn({ error }, "old uploads stay"));
  await sweep();
  const sweeping = setInterval(() => void sweep(), HOUR_MS).unref();
  return {
    limits,
    append: (piece) => guarded(() => append(state, piece)),
    stat: (key) => guarded(() => progressOf(root, key)),
    read: (key, range) => guarded(() => readSlice(root, key, range)),
    close,
    [Symbol.asyncDispose]: close,
  };
}

type State = {
  readonly root: string;
  readonly limits: BlobLimits;
  readonly turns: Turns;
  readonly site: UploadSite;
  readonly clock: Clock;
  readonly freeBytes: (dir: string) => Promise<number>;
};

async function stateOf({ dir, clock, limits, freeBytes = freeBytesOf }: FileBlobsOptions): Promise<State> {
  const root = join(dir, "blobs");
  const made = await mkdir(root, { recursive: true, mode: 0o700 });
  if (made !== undefined) await syncFolder(dir);
  const turns = createTurns();
  const all = { ...DEFAULT_LIMITS, ...limits };
  const age = { turns, clock, limits: all };
  const site = {
    root,
    maxUnfinished: all.maxUnfinished,
    take: turns.take,
    beforeNew: (of: string) => dropOldOf(age, of),
  };
  return { root, limits: all, turns, site, clock, freeBytes };
}

async function freeBytesOf(dir: string): Promise<number> {
  const { bavail, bsize } = await statfs(dir);
  return bavail * bsize;
}

async function append({ root, limits, turns, site, freeBytes }: State, piece: BlobPiece): Promise<BlobProgress> {
  const { size, offset, data } = piece;
  if (size > limits.maxBytes) throw invalid([{ field: "size", description: `must be at most ${limits.maxBytes}` }]);
  if (offset + data.length > size) throw invalid([{ field: "data", description: "must end within the blob" }]);
  // The database needs its share to open, which a blob must not take.
  if ((await freeBytes(root)) < data.length + NEEDED_BYTES)
    throw exhausted("STORE_WRITE_FAILED", { dir: root, code: "ENOSPC" });
  return await turns.take(uploadPath(root, piece), () => appendPiece(site, piece));
}

async function progressOf(root: string, key: BlobKey): Promise<BlobProgress> {
  const whole = await sizeOf(wholePath(root, key).file);
  if (whole !== undefined) return { offset: whole, complete: true };
  const folder = unfinishedFolder(tenantFolder(root, key.tenant));
  const uploads = (await namesIn(folder)).filter((name) => isUploadOf(name, key.digest));
  const sizes = await Promise.all(uploads.map((name) => sizeOf(join(folder, name))));
  return { offset: Math.max(0, ...sizes.map((size) => size ?? 0)), complete: false };
}

async function readSlice(
  root: string,
  key: BlobKey,
  { offset, limit }: { readonly offset: number; readonly limit: number },
): Promise<BlobSlice> {
  const { file: path } = wholePath(root, key);
  const size = await sizeOf(path);
  if (size === undefined) throw precondition("BLOB_INCOMPLETE", { digest: key.digest });
  await using file = await open(path, "r");
  const bytes = new Uint8Array(Math.max(0, Math.min(limit, size - offset)));
  let at = 0;
  while (at < bytes.length) {
    const { bytesRead } = await file.read(bytes, at, bytes.length - at, offset + at);
    if (bytesRead === 0) throw internal("STORE_CORRUPT", { dir: root }, { message: `blob ${key.digest} is cut` });
    at += bytesRead;
  }
  return { bytes, size };
}

async function dropOld(state: State): Promise<void> {
  for (const name of await namesIn(state.root)) await dropOldOf(state, join(state.root, name));
}

async function dropOldOf({ turns, clock, limits }: Pick<State, "turns" | "clock" | "limits">, tenantRoot: string) {
  const folder = unfinishedFolder(tenantRoot);
  for (const name of await namesIn(folder)) {
    const path = join(folder, name);
    if (!(await isOld(path, clock.now() - limits.unfinishedMs))) continue;
    await turns.take(path, async () => {
      if (await isOld(path, clock.now() - limits.unfinishedMs)) await rm(path, { force: true });
    });
  }
}

async function isOld(path: string, before: number): Promise<boolean> {
  return await stat(path).then(
    ({ mtimeMs }) => mtimeMs < before,
    () => false,
  );
}

function blobFault(cause: unknown, dir: string): Error {
  if (cause instanceof Fault) return cause;
  const code = errorCode(cause);
  if (FULL.has(code)) return exhausted("STORE_WRITE_FAILED", { dir, code }, { cause });
  return internal("INTERNAL", { dir }, { cause });
}
