import { createHash } from "node:crypto";
import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { ExecutionEventSchema } from "@stigmer/contracts/agentic";
import type { JournalEntry, Store } from "@stigmer/store";

export type TestEvent = Omit<MessageInitShape<typeof ExecutionEventSchema>, "$typeName">;

/** Journals in memory, as much of a store as reading them needs. */
export interface TestJournals {
  readonly store: Store;
  /** Reads so far. */
  readonly reads: () => number;
  append(stream: string, event: TestEvent, prevHash?: Uint8Array): JournalEntry;
  entries(stream: string): JournalEntry[];
}

/** `delay` is waited for by each read, before it looks. */
export function createTestJournals(delay: () => Promise<void> = async () => {}): TestJournals {
  const journals = new Map<string, JournalEntry[]>();
  let reads = 0;
  const entries = (stream: string): JournalEntry[] => {
    const known = journals.get(stream) ?? [];
    journals.set(stream, known);
    return known;
  };
  const store: Pick<Store, "head" | "read" | "streamSnapshot"> = {
    head: ({ stream }) => {
      const last = entries(stream).at(-1);
      return { sequence: last?.sequence ?? 0, hash: last?.hash ?? new Uint8Array() };
    },
    async read({ stream }, { from, limit }) {
      reads++;
      await delay();
      const found = entries(stream).slice(from - 1, from - 1 + limit);
      await delay();
      return found;
    },
    streamSnapshot: () => undefined,
  };
  return {
    store: store as Store,
    reads: () => reads,
    entries,
    append(stream, event, prevHash = entries(stream).at(-1)?.hash ?? new Uint8Array()) {
      const bytes = toBinary(ExecutionEventSchema, create(ExecutionEventSchema, event));
      const sequence = entries(stream).length + 1;
      const number = Buffer.alloc(8);
      number.writeBigUInt64BE(BigInt(sequence));
      const hash = createHash("sha256").update(prevHash).update(number).update(bytes).digest();
      const entry = { sequence, prevHash, hash, event: bytes };
      entries(stream).push(entry);
      return entry;
    },
  };
}
