import type { Clock, Log } from "@stigmer/base";

/** How the local daemon's store is opened. */
export type LevelStoreOptions = StoreLimits & {
  /** The data folder: the database goes into `db`, backups into `backups`, and `lock` says who has it open. */
  readonly dir: string;
  readonly clock: Clock;
  readonly log: Log;
};

/** Bounds with a default each. */
export type StoreLimits = {
  /** How many revisions back a watch can start. */
  readonly keepChanges?: number;
  /** How many audit records are kept. */
  readonly keepAudits?: number;
  /** Newest changes that are also kept in memory, where watches read them without touching the disk. */
  readonly recent?: { readonly commits: number; readonly bytes: number };
  /** How much may wait to be written before a commit is refused with `LIMIT_REACHED`. */
  readonly waiting?: { readonly commits: number; readonly bytes: number };
};

const MIB = 1024 * 1024;

export const DEFAULT_LIMITS: Required<StoreLimits> = {
  keepChanges: 100_000,
  keepAudits: 1_000_000,
  recent: { commits: 10_000, bytes: 8 * MIB },
  waiting: { commits: 10_000, bytes: 256 * MIB },
};

/** Most that one synced write holds, beyond its first commit. */
export const GROUP_LIMITS = { commits: 1_000, bytes: 8 * MIB };

/**
 * How LevelDB is set. A write buffer of two default sizes keeps up with group commits, at the cost of a longer replay;
 * tables of four make fewer files, which are looked at and linked at each opening.
 */
export const DATABASE_OPTIONS = {
  keyEncoding: "utf8",
  valueEncoding: "view",
  writeBufferSize: 8 * MIB,
  cacheSize: 16 * MIB,
  maxFileSize: 8 * MIB,
} as const;
