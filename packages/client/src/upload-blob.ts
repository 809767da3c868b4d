import { isFault, unavailable } from "@stigmer/base";
import { BlobCommandController } from "@stigmer/contracts/platform";
import type { Client } from "./client.ts";
import { sha256 } from "./digest.ts";
import { pause } from "./pause.ts";

/** What a blob is, and how to get at parts of it. */
export type BlobContent = {
  /** `sha256:<hex>`. */
  readonly digest: string;
  readonly size: number;
  /** The bytes from `offset` on, exactly `length` of them. */
  readonly slice: (offset: number, length: number) => Promise<Uint8Array> | Uint8Array;
};

export type UploadOptions = {
  /** Organization; the caller's unless told. */
  readonly org?: string;
  readonly signal?: AbortSignal;
  /** Learns how much of it the backend has. */
  readonly onProgress?: (offset: number) => void;
};

/** Names a blob that a backend has. */
export type BlobRef = { readonly digest: string; readonly size: number };

const PIECE_BYTES = 1024 * 1024;
/** Answers without progress, calls that failed included, after which an upload is given up. */
const MOST_IN_VAIN = 5;
const FIRST_DELAY_MS = 200;

/** Stores the bytes as a blob, unless the backend has them. Goes on where an upload before was cut. */
export async function uploadBlob(client: Client, bytes: Uint8Array, options: UploadOptions = {}): Promise<BlobRef> {
  const slice = (offset: number, length: number) => bytes.subarray(offset, offset + length);
  return await uploadContent(client, { digest: await sha256(bytes), size: bytes.length, slice }, options);
}

/** As `uploadBlob`, of content that need not be in memory: at most one piece of it is. */
export async function uploadContent(
  client: Client,
  content: BlobContent,
  options: UploadOptions = {},
): Promise<BlobRef> {
  const { digest, size } = content;
  // A small one is sent at once; of a large one the backend may have a part, or all.
  let { offset, complete } = await append(client, { content, at: 0, length: size <= PIECE_BYTES ? size : 0 }, options);
  for (let inVain = 0; !complete; ) {
    options.onProgress?.(offset);
    const before = offset;
    const length = Math.min(PIECE_BYTES, size - offset);
    ({ offset, complete } = await append(client, { content, at: offset, length }, options));
    inVain = offset > before ? 0 : inVain + 1;
    if (inVain === MOST_IN_VAIN)
      throw unavailable("BACKEND_UNREACHABLE", {}, { message: "the upload makes no progress" });
  }
  options.onProgress?.(size);
  return { digest, size };
}

type Piece = { readonly content: BlobContent; readonly at: number; readonly length: number };
type Progress = { readonly offset: number; readonly complete: boolean };

/** Waits for a backend that is away for a while: what it has got it keeps. */
async function append(client: Client, piece: Piece, { org = "", signal }: UploadOptions): Promise<Progress> {
  const { content, at, length } = piece;
  const { digest, size } = content;
  const data = await content.slice(at, length);
  const request = { org, digest, size: BigInt(size), offset: BigInt(at), data };
  for (let attempt = 1; ; attempt++) {
    try {
      const call = client.service(BlobCommandController).append(request, signal ? { signal } : {});
      const { offset, complete } = await call;
      return { offset: Number(offset), complete };
    } catch (error) {
      const again = attempt < MOST_IN_VAIN && isFault(error) && error.kind === "unavailable" && !signal?.aborted;
      if (!again) throw error;
      await pause(FIRST_DELAY_MS * 2 ** (attempt - 1), signal);
    }
  }
}
