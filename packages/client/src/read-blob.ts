import { exhausted, internal, isFault } from "@stigmer/base";
import { BlobQueryController } from "@stigmer/contracts/platform";
import type { Client } from "./client.ts";
import { sha256 } from "./digest.ts";
import { pause } from "./pause.ts";

export type ReadOptions = {
  /** Organization; the caller's unless told. */
  readonly org?: string;
  readonly signal?: AbortSignal;
  /** Most bytes that are taken; 64 MiB unless told. */
  readonly maxBytes?: number;
};

const MAX_BYTES = 64 * 1024 * 1024;
const ATTEMPTS = 5;
const FIRST_DELAY_MS = 200;

/** A whole blob, compared with its digest. Refuses one beyond `maxBytes` with `LIMIT_REACHED` before it is read. */
export async function readBlob(client: Client, digest: string, options: ReadOptions = {}): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  for await (const piece of readBlobPieces(client, digest, options)) pieces.push(piece);
  const bytes = joined(pieces);
  if ((await sha256(bytes)) !== digest)
    throw internal("INTERNAL", { digest }, { message: `blob ${digest} is damaged` });
  return bytes;
}

/**
 * A blob in order, piece by piece; goes on where it was cut off by a backend that is away for a while. Does not compare
 * it with its digest.
 */
export async function* readBlobPieces(
  client: Client,
  digest: string,
  options: ReadOptions = {},
): AsyncIterable<Uint8Array> {
  const { org = "", signal, maxBytes = MAX_BYTES } = options;
  let offset = 0;
  for (let attempt = 1; ; attempt++) {
    try {
      const request = { org, digest, offset: BigInt(offset) };
      for await (const { data, size } of client.service(BlobQueryController).read(request, signal ? { signal } : {})) {
        if (size > maxBytes) throw exhausted("LIMIT_REACHED", { limit: "blob bytes", max: maxBytes, digest });
        offset += data.length;
        attempt = 1;
        yield data;
      }
      return;
    } catch (error) {
      const again = attempt < ATTEMPTS && isFault(error) && error.kind === "unavailable" && !signal?.aborted;
      if (!again) throw error;
      await pause(FIRST_DELAY_MS * 2 ** (attempt - 1), signal);
    }
  }
}

function joined(pieces: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}
