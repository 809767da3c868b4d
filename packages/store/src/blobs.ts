/** Whose blob, and the digest of its content: `sha256:<hex>`. */
export type BlobKey = { readonly tenant: string; readonly digest: string };

/** A piece of a blob, which ends within its size. */
export type BlobPiece = BlobKey & { readonly size: number; readonly offset: number; readonly data: Uint8Array };

/** How much of a blob is there. `offset` is where its next piece begins. */
export type BlobProgress = { readonly offset: number; readonly complete: boolean };

/** Bytes of a complete blob, and the size of all of it. */
export type BlobSlice = { readonly bytes: Uint8Array; readonly size: number };

/** Bounds of what is uploaded. */
export type BlobLimits = {
  /** Largest blob. */
  readonly maxBytes: number;
  /** Uploads of one tenant that are not complete. */
  readonly maxUnfinished: number;
  /** How long an upload is kept that gets no further piece. */
  readonly unfinishedMs: number;
};

/**
 * Large contents, named by their digest; a complete one never changes. No call reaches another tenant's. Once an append
 * has answered that a blob is complete, it is on disk. After `close` every call refuses with `STORE_CLOSED`.
 */
export interface Blobs extends AsyncDisposable {
  readonly limits: BlobLimits;
  /**
   * Stores what of a piece is not there yet. A piece beyond that stores nothing and is answered with where to go on. Refuses
   * a blob beyond the limits with `INVALID_REQUEST` and one upload too many with `LIMIT_REACHED`; with `STORE_WRITE_FAILED`
   * where the medium is full, after which the upload can go on. With its last byte the content is compared with the
   * digest: another one drops the upload, with `BLOB_DIGEST_MISMATCH`.
   */
  append(piece: BlobPiece): Promise<BlobProgress>;
  stat(key: BlobKey): Promise<BlobProgress>;
  /** At most `limit` bytes from `offset` on; `BLOB_INCOMPLETE` where the blob is not complete. */
  read(key: BlobKey, range: { readonly offset: number; readonly limit: number }): Promise<BlobSlice>;
  close(): Promise<void>;
}
