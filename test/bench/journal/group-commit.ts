import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { ROOT } from "@stigmer/e2e/harness";
import { rowOf } from "../harness/row.ts";
import { interleaved, type Part } from "../harness/run-bench.ts";

const LOAD = join(ROOT, "packages/store-leveldb/src/load.fake.ts");
const execute = promisify(execFile);

/** How many 1 KB writes are acknowledged where so many writers wait for one each. */
export function groupCommit(writers: number): Part {
  return {
    name: `${writers} writers`,
    async run({ pairs, seconds }) {
      const measure = (what: string) => () => perSecond(what, writers, seconds);
      const figures = await interleaved(pairs, {
        append: measure("append"),
        row: measure("row"),
        level: measure("level"),
        sync: measure("sync"),
      });
      const level = { name: `classic-level, synced batches of ${writers}`, values: figures.level };
      const sync = { name: "4 KiB write + fdatasync", values: figures.sync };
      return [
        { row: "appends to a journal", values: figures.append },
        { row: "updates of rows", values: figures.row },
      ].flatMap(({ row, values }) =>
        [level, sync].map((peer) => {
          const ours = { name: "stigmer", values };
          return rowOf({ row: `${row}, 1 KB, ${writers} at once`, unit: "writes/s", ours, peer, goal: null });
        }),
      );
    },
  };
}

/** Runs the load in a process and a folder of its own. */
async function perSecond(what: string, writers: number, seconds: number): Promise<number> {
  const dir = mkdtempSync(join(tmpdir(), "stigmer-bench-"));
  try {
    const { stdout } = await execute(process.execPath, [LOAD, dir, what, `${writers}`, `${seconds}`]);
    return JSON.parse(stdout).perSecond;
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}
