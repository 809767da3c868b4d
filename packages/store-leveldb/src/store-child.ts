/**
 * A store in a process of its own, for tests: `node store-child.ts <dir> <what>`. Prints a line of JSON for each thing that
 * a test waits for. `hold` opens the store and stays; `write` also commits for as long as it lives, from several writers,
 * and prints each acknowledged revision with the row that was put; `open` opens and closes it.
 */
import { Fault, silentLog, systemClock } from "@stigmer/base";
import type { Store } from "@stigmer/store";
import { openLevelStore } from "./open.ts";

const [dir = "", what = "open"] = process.argv.slice(2);

const print = (line: unknown) => process.stdout.write(`${JSON.stringify(line)}\n`);

async function write(store: Store, writer: number): Promise<void> {
  const stream = { tenant: "t", stream: `s${writer}` };
  for (let at = 0; ; at++) {
    const id = `w${writer}-${at}`;
    const put = {
      tenant: "t",
      kind: "Agent",
      id,
      name: id,
      parent: "",
      labels: {},
      bytes: new Uint8Array(500).fill(at),
    };
    const revision = await store.commit({
      puts: [put],
      appends: [{ ...stream, after: at, events: [new Uint8Array(9)] }],
    });
    print({ revision, id });
  }
}

try {
  const store = await openLevelStore({ dir, clock: systemClock, log: silentLog });
  print({ open: process.pid });
  if (what === "write") await Promise.all([0, 1, 2, 3].map((writer) => write(store, writer)));
  if (what === "hold") await new Promise((resolve) => setTimeout(resolve, 600_000));
  await store.close();
} catch (error) {
  if (!(error instanceof Fault)) throw error;
  print({ reason: error.reason, kind: error.kind, facts: error.facts, message: error.message });
}
