/** Names a journal: one execution's stream of entries. */
export type StreamKey = { readonly tenant: string; readonly stream: string };

/**
 * One entry. `hash` is SHA-256 over `prevHash`, `sequence` as big-endian unsigned 64 bits, and `event`; the first
 * entry's `prevHash` is empty, unless the stream is a fork.
 */
export type JournalEntry = {
  readonly sequence: number;
  readonly prevHash: Uint8Array;
  readonly hash: Uint8Array;
  readonly event: Uint8Array;
};

/** Where a stream ends; sequence 0 and an empty hash where it has no entry. */
export type StreamHead = { readonly sequence: number; readonly hash: Uint8Array };

/**
 * Appends events in order. The commit is refused with `VERSION_MOVED` unless the stream ends at `after`. `prevHash` makes
 * the stream a fork: it is what the first entry chains to, and may only be given where `after` is 0.
 */
export type Append = StreamKey & {
  readonly after: number;
  readonly events: readonly Uint8Array[];
  readonly prevHash?: Uint8Array;
  readonly marks?: readonly Mark[];
};

/**
 * Names an entry, so that it can be found again without reading the journal: `at` is an index into the append's `events`.
 * The key is an identifier of at most `MAX_MARK_BYTES`; entries may share one, and an entry may have several. Marks belong
 * to their stream: neither a fork nor another tenant has them.
 */
export type Mark = { readonly key: string; readonly at: number };

/**
 * What folding a stream up to `sequence` came to. Derived, so it may be missing or of a form that its reader does not
 * know, who then reads the journal instead.
 */
export type StreamSnapshot = { readonly sequence: number; readonly bytes: Uint8Array };

/** Names one task: a queue and an id within it. */
export type TaskKey = { readonly tenant: string; readonly queue: string; readonly id: string };

/**
 * Work that waits, is leased, or sleeps. `dueAt` is when it needs attention, in milliseconds since the Unix epoch: when
 * offered work may be taken, or when a lease ends; undefined while it sleeps. `epoch` rises with each lease, and
 * `holder` is who has the lease, or empty.
 */
export type Task = TaskKey & {
  readonly epoch: number;
  readonly holder: string;
  readonly dueAt: number | undefined;
  readonly bytes: Uint8Array;
};
