/**
 * Writes as fast as it is acknowledged, in a process of its own: `node load.fake.ts <dir> <what> <writers> <seconds>`
 * prints a line of JSON with the acknowledged writes per second. `append`, `row` and `step` write through the store, each
 * writer one commit at a time, where `step` is what an execution's step comes to; `level` puts the same bytes with classic-level alone, in synced batches of as many as there are
 * writers; `sync` writes 4 KiB and syncs them, which is the least that anything durable takes.
 */
import { open } from "node:fs/promises";
import { join } from "node:path";
import { silentLog, systemClock } from "@stigmer/base";
import type { Batch } from "@stigmer/store";
import { ClassicLevel } from "classic-level";
import { openLevelStore } from "./open.ts";
import { DATABASE_OPTIONS } from "./options.ts";

const BYTES = new Uint8Array(1024).fill(120);
const EVENT = new Uint8Array(600).fill(120);
const TASK = new Uint8Array(64).fill(120);
const PAGE = new Uint8Array(4096).fill(120);

/** Writes once more, and resolves when that many writes are acknowledged. */
type Write = (writer: number, at: number) => Promise<number>;
type Target = AsyncDisposable & { readonly lanes: number; readonly write: Write };

const [dir = "", what = "append", writers = "1", seconds = "1"] = process.argv.slice(2);
const openers = {
  append: openStore(appendOf),
  row: openStore(rowOf),
  step: openStore(stepOf),
  level: openLevel,
  sync: openFile,
};
await using target = await openers[what as keyof typeof openers](dir, Number(writers));
process.stdout.write(`${JSON.stringify({ perSecond: await measure(target, Number(seconds) * 1000) })}\n`);

async function measure({ lanes, write }: Target, ms: number): Promise<number> {
  const from = performance.now() + ms / 3;
  const until = from + ms;
  let acknowledged = 0;
  const lane = async (_: unknown, writer: number): Promise<void> => {
    for (let at = 0; performance.now() < until; at++) {
      const began = performance.now();
      const count = await write(writer, at);
      if (began >= from) acknowledged += count;
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  return (acknowledged * 1000) / (performance.now() - from);
}

function openStore(batchOf: (writer: number, at: number) => Batch) {
  return async (folder: string, lanes: number): Promise<Target> => {
    const store = await openLevelStore({ dir: folder, log: silentLog, clock: systemClock });
    return {
      lanes,
      async write(writer, at) {
        await store.commit(batchOf(writer, at));
        return 1;
      },
      [Symbol.asyncDispose]: () => store.close(),
    };
  };
}

function appendOf(writer: number, after: number): Batch {
  return { appends: [{ tenant: "t", stream: `s${writer}`, after, events: [BYTES] }] };
}

/** Each writer updates a row of its own. */
function rowOf(writer: number): Batch {
  const id = `w${writer}`;
  return { puts: [{ tenant: "t", kind: "Agent", id, name: id, parent: "", labels: {}, bytes: BYTES }] };
}

/** Each writer appends to a journal of its own, and moves the task and the row that go with it. */
function stepOf(writer: number, at: number): Batch {
  const id = `w${writer}`;
  const tenant = "t";
  const indexed = [
    ["status.phase", `${at % 4}`],
    ["spec.agent_id", "agt-01"],
  ] as const;
  const labels = { "stigmer.ai/session": "ses-01", "stigmer.ai/agent": "agent" };
  const row = { tenant, kind: "AgentExecution", id, name: id, parent: "ses-01", labels, indexed, bytes: EVENT };
  return {
    puts: [row],
    appends: [{ tenant, stream: id, after: 2 * at, events: [EVENT, EVENT] }],
    tasks: [{ tenant, queue: "agent", id, epoch: at, holder: "r1", dueAt: 1_700_000_000_000 + at, bytes: TASK }],
  };
}

async function openLevel(folder: string, batch: number): Promise<Target> {
  const level = new ClassicLevel<string, Uint8Array>(join(folder, "db"), DATABASE_OPTIONS);
  await level.open();
  return {
    lanes: 1,
    async write(_, at) {
      const keys = Array.from({ length: batch }, (_, key) => `${at * batch + key}`.padStart(16, "0"));
      await level.batch(
        keys.map((key) => ({ type: "put", key, value: BYTES })),
        { sync: true },
      );
      return batch;
    },
    [Symbol.asyncDispose]: () => level.close(),
  };
}

async function openFile(folder: string): Promise<Target> {
  const file = await open(join(folder, "file"), "w");
  return {
    lanes: 1,
    async write() {
      await file.write(PAGE);
      await file.datasync();
      return 1;
    },
    [Symbol.asyncDispose]: () => file.close(),
  };
}
