export { Fault, isFault } from "@stigmer/base";
export { type Client, clientOver } from "./client.ts";
export { faultOf } from "./fault-of.ts";
export { brokenLine, IDEMPOTENCY_KEY, idempotency, retry } from "./interceptors.ts";
export { type ReadOptions, readBlob, readBlobPieces } from "./read-blob.ts";
export { type BlobContent, type BlobRef, type UploadOptions, uploadBlob, uploadContent } from "./upload-blob.ts";
