import { create } from "@bufbuild/protobuf";
import { invalid } from "@stigmer/base";
import {
  AppendBlobResponseSchema,
  BlobCommandController,
  BlobQueryController,
  BlobStateSchema,
  type ReadBlobRequest,
  type ReadBlobResponse,
  ReadBlobResponseSchema,
  StatBlobsResponseSchema,
} from "@stigmer/contracts/platform";
import type { Blobs } from "@stigmer/store";
import type { Call } from "./call.ts";
import { type Handler, serverStream, unary } from "./handler.ts";

const READ_BYTES = 256 * 1024;

/** Stores and reads blobs of the caller's organization. */
export function blobHandlers(blobs: Blobs): readonly Handler[] {
  return [
    unary(BlobCommandController.method.append, async ({ digest, size, offset, data }, { org: tenant }) => {
      const progress = await blobs.append({ tenant, digest, size: Number(size), offset: Number(offset), data });
      return create(AppendBlobResponseSchema, { offset: BigInt(progress.offset), complete: progress.complete });
    }),
    unary(BlobQueryController.method.stat, async ({ digests }, { org: tenant }) => {
      const states = [];
      for (const digest of digests) {
        const { offset, complete } = await blobs.stat({ tenant, digest });
        states.push(create(BlobStateSchema, { digest, offset: BigInt(offset), complete }));
      }
      return create(StatBlobsResponseSchema, { blobs: states });
    }),
    serverStream(BlobQueryController.method.read, (request, call) => readPieces(blobs, request, call)),
  ];
}

async function* readPieces(blobs: Blobs, request: ReadBlobRequest, call: Call): AsyncIterable<ReadBlobResponse> {
  const { digest } = request;
  for (let offset = Number(request.offset); ; ) {
    const { bytes: data, size } = await blobs.read({ tenant: call.org, digest }, { offset, limit: READ_BYTES });
    if (offset > size) throw invalid([{ field: "offset", description: `must be at most the size, ${size}` }]);
    yield create(ReadBlobResponseSchema, { offset: BigInt(offset), data, size: BigInt(size) });
    offset += data.length;
    if (offset >= size || call.signal.aborted) return;
  }
}
