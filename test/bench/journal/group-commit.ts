import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { ROOT } from "@stigmer/e2e/harness";
import { rowOf } from "../harness/row.ts";
import { interleaved, type Part } from "../harness/run-bench.ts";
import { temporaryHome } from "../harness/temporary-home.ts";

const LOAD = join(ROOT, "packages/store-leveldb/src/load.fake.ts");
const execute = promisify(execFile);

/** How many 1 KB writes are acknowledged where so many writers wait for one each; each figure in a process and a folder of its own. */
export function groupCommit(writers: number): Part {
  return {
    name: `${writers} writers`,
    async run({ pairs, seconds, resources }) {
      const ended = new AbortController();
      const measure = (what: string) => async () => {
        const args = [LOAD, temporaryHome(resources), what, `${writers}`, `${seconds}`];
        const { stdout } = await execute(process.execPath, args, { signal: ended.signal });
        return Number(JSON.parse(stdout).perSecond);
      };
      resources.defer(() => ended.abort());
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
