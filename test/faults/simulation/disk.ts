import type { Level } from "@stigmer/store-leveldb";
import type { AbstractBatchOperation, AbstractBatchOptions } from "abstract-level";
import { MemoryLevel } from "memory-level";
import type { Random } from "./random.ts";
import type { SimProcess, VirtualTime } from "./virtual-time.ts";

/** What goes wrong with the next write. */
export type WriteFault =
  /** An error; nothing is stored. */
  | "refused"
  /** An error; everything is stored all the same, as on a disk that fails to sync. */
  | "stored-and-refused"
  /** The process dies; nothing is stored. */
  | "crash-before"
  /** The process dies; everything is stored, and nobody is told. */
  | "crash-after";

/** A disk of which only what was synced outlives its process. */
export interface Disk {
  /** A database over what is synced, for a process that just began. */
  open(process: SimProcess): Level;
  /** Something goes wrong with the write after the next `count` ones. */
  failAfter(count: number, fault: WriteFault): void;
  /** While it is full, every write is refused. */
  isFull: boolean;
  /** Longest time that a write takes, in milliseconds. */
  slowestMs: number;
  /** Mends whatever is wrong. */
  mend(): void;
  /** How many there were. */
  writes(): number;
}

export type DiskDeps = {
  readonly time: VirtualTime;
  readonly random: Random;
  /** Ends a process at once. */
  readonly crash: (process: SimProcess, why: string) => void;
};

type Operation = AbstractBatchOperation<MemoryLevel<string, Uint8Array>, Uint8Array, Uint8Array>;

/** Longest time that a write takes where nothing is wrong. */
export const USUAL_MS = 4;

export function createDisk(deps: DiskDeps): Disk {
  const { time, random, crash } = deps;
  const image = new Map<string, Operation>();
  let writes = 0;
  let planned: { left: number; readonly fault: WriteFault }[] = [];

  function faultOf(): WriteFault | undefined {
    const now = planned.find((plan) => plan.left-- <= 0);
    planned = planned.filter((plan) => plan !== now);
    return now?.fault ?? (disk.isFull ? "refused" : undefined);
  }

  /** What is not synced yet becomes so with the next synced write, as in a log. */
  function sync(operations: readonly Operation[]): void {
    for (const operation of operations) {
      const key = Buffer.from(operation.key).toString("latin1");
      if (operation.type === "put") image.set(key, operation);
      else image.delete(key);
    }
  }

  /** Readers see a write once it is synced. */
  async function write(process: SimProcess, how: WriteSteps): Promise<void> {
    writes++;
    const fault = faultOf();
    await pass(time, process, random.between(0, disk.slowestMs) / 2);
    if (fault === "refused") throw new Error("IO error: No space left on device");
    if (fault === "crash-before") return await dead(() => crash(process, "before a write"));
    how.sync();
    if (fault === "crash-after") return await dead(() => crash(process, "after a write"));
    await pass(time, process, random.between(0, disk.slowestMs) / 2);
    if (fault === "stored-and-refused") throw new Error("IO error: Input/output error");
    await how.show();
  }

  const disk: Disk = {
    isFull: false,
    slowestMs: USUAL_MS,
    writes: () => writes,
    open: (process) => new DiskLevel({ read: () => [...image.values()], write: (how) => write(process, how), sync }),
    failAfter: (left, fault) => void planned.push({ left, fault }),
    mend() {
      planned = [];
      disk.isFull = false;
      disk.slowestMs = USUAL_MS;
    },
  };
  return disk;
}

type WriteSteps = { readonly sync: () => void; readonly show: () => Promise<void> };

type Platter = {
  readonly read: () => readonly Operation[];
  readonly write: (how: WriteSteps) => Promise<void>;
  readonly sync: (operations: readonly Operation[]) => void;
};

/** LevelDB in memory, over a disk: opened, it holds what the disk does, and a batch is there whole or not at all. */
class DiskLevel extends MemoryLevel<string, Uint8Array> {
  readonly #platter: Platter;
  #unsynced: Operation[] = [];

  constructor(platter: Platter) {
    super({ keyEncoding: "utf8", valueEncoding: "view" });
    this.#platter = platter;
  }

  async _open(): Promise<void> {
    await memory._clear.call(this, { limit: -1 });
    await memory._batch.call(this, this.#platter.read(), {});
    await memory._batch.call(this, this.#unsynced, {});
  }

  async _batch(operations: Operation[], options: AbstractBatchOptions<string, Uint8Array> & { sync?: boolean }) {
    await this.#platter.write({
      show: () => memory._batch.call(this, operations, {}),
      sync: () => {
        this.#unsynced.push(...operations);
        if (options.sync === true) this.#platter.sync(this.#unsynced.splice(0));
      },
    });
  }
}

const memory: {
  _batch(operations: readonly Operation[], options: object): Promise<void>;
  _clear(options: object): Promise<void>;
} = MemoryLevel.prototype as never;

function pass(time: VirtualTime, process: SimProcess, ms: number): Promise<void> {
  return new Promise((resolve) => void time.after(process, ms, resolve));
}

/** Ends the process, and never comes back to it. */
function dead(crash: () => void): Promise<never> {
  crash();
  return new Promise(() => {});
}
