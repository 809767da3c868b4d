import { createHash } from "node:crypto";
import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { basename, resolve } from "node:path";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { isFault, uploadContent } from "@stigmer/client";
import type { AttachmentSchema } from "@stigmer/contracts/agentic";
import type { Backend } from "../backend/open-backend.ts";
import type { Deps } from "../deps.ts";
import { misused } from "../failure.ts";
import { printableLine } from "../output/printable.ts";
import { mediaTypeOf } from "./media-type.ts";

export type Attached = MessageInitShape<typeof AttachmentSchema>;

const MOST_FILES = 64;
const MIB = 1024 * 1024;
const HEAD_BYTES = 8 * 1024;
/** What is smaller is sent before a person has read how far it is. */
const SLOW_BYTES = 4 * MIB;

/** Sends files for an execution, each as a blob; what the backend has of one, whole or in part, is not sent again. */
export async function uploadAttachments(
  deps: Deps,
  backend: Backend,
  paths: readonly string[],
): Promise<readonly Attached[]> {
  if (paths.length > MOST_FILES) throw misused(`${paths.length} files are attached`, `${MOST_FILES} are the most`);
  const attached: Attached[] = [];
  for (const path of paths) attached.push(await uploadFile(deps, backend, path));
  return attached;
}

async function uploadFile(deps: Deps, backend: Backend, path: string): Promise<Attached> {
  await using file = await openFile(deps, path);
  const { size } = await file.stat();
  const name = basename(path).replace(/[\\\p{Cc}]/gu, "_");
  const content = {
    digest: await digestOf(file, size),
    size,
    slice: (at: number, length: number) => slice(file, at, length),
  };
  const progress = progressOn(deps, name, size);
  const options = { org: backend.org, signal: deps.interrupt, onProgress: progress.show };
  try {
    await uploadContent(backend.client(), content, options);
  } catch (error) {
    throw explainUpload(path, error);
  } finally {
    await progress.end();
  }
  const mediaType = mediaTypeOf(name, await slice(file, 0, Math.min(size, HEAD_BYTES)));
  return { name, mediaType, digest: content.digest, size: BigInt(size) };
}

async function openFile(deps: Pick<Deps, "cwd">, path: string): Promise<FileHandle> {
  // Opening a pipe would wait for whoever writes into it.
  const file = await open(resolve(deps.cwd, path), constants.O_RDONLY | constants.O_NONBLOCK).catch(
    (error: NodeJS.ErrnoException) => {
      const why = error.code === "ENOENT" ? "no such file" : `can't be read: ${error.code ?? error.message}`;
      throw misused(`${path}: ${why}`, "name a file to attach");
    },
  );
  if ((await file.stat()).isFile()) return file;
  await file.close();
  throw misused(`${path}: is no file`, "name a file to attach");
}

async function digestOf(file: FileHandle, size: number): Promise<string> {
  const hash = createHash("sha256");
  for (let at = 0; at < size; at += MIB) hash.update(await slice(file, at, Math.min(MIB, size - at)));
  return `sha256:${hash.digest("hex")}`;
}

async function slice(file: FileHandle, offset: number, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length; ) {
    const { bytesRead } = await file.read(bytes, at, length - at, offset + at);
    if (bytesRead === 0) throw misused("a file became shorter while it was sent", "try again");
    at += bytesRead;
  }
  return bytes;
}

/** Says on a terminal how much of a large file is sent, on one line that is gone afterwards. */
function progressOn({ stderr }: Pick<Deps, "stderr">, name: string, size: number) {
  const shows = stderr.isTTY && size >= SLOW_BYTES;
  let width = 0;
  let last = Promise.resolve();
  const write = (text: string): void => {
    last = last.then(() => stderr.write(`\r${text.padEnd(width)}`));
    width = text.length;
  };
  return {
    show: (offset: number) =>
      shows && write(`sending ${printableLine(name).slice(0, 40)}: ${Math.floor((offset / size) * 100)} %`),
    async end() {
      if (width > 0) write("");
      await last;
      if (width > 0) await stderr.write("\r");
    },
  };
}

function explainUpload(path: string, error: unknown): unknown {
  if (!isFault(error) || error.kind !== "invalid") return error;
  if (error.reason === "BLOB_DIGEST_MISMATCH") return misused(`${path}: changed while it was sent`, "try again");
  const [violation] = error.violations;
  return misused(`${path}: its ${violation?.field ?? "content"} ${violation?.description ?? error.message}`);
}
