import type { AbstractBatchOptions } from "abstract-level";
import { MemoryLevel } from "memory-level";

/** When writes fail: never, before anything is stored, or after all of it is, as on a disk that fails to sync. */
export type Failure = "none" | "before" | "after";

/** A database in memory that fails writes on demand. */
export class FailingLevel extends MemoryLevel<string, Uint8Array> {
  failure: Failure = "none";
  writes = 0;
  /** What a write, counted from 1, waits for before it begins. */
  holds: (write: number) => Promise<void> | undefined = () => undefined;

  constructor() {
    super({ keyEncoding: "utf8", valueEncoding: "view" });
  }

  async _batch(operations: unknown, options: AbstractBatchOptions<string, Uint8Array>): Promise<void> {
    const { failure } = this;
    await this.holds(++this.writes);
    if (failure === "before") throw new Error("IO error: No space left on device");
    const base: { _batch(operations: unknown, options: unknown): Promise<void> } = Object.getPrototypeOf(
      FailingLevel.prototype,
    );
    await base._batch.call(this, operations, options);
    if (failure === "after") throw new Error("IO error: Input/output error");
  }
}
