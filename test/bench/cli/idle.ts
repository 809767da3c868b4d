import { eventually, startDaemon } from "@stigmer/e2e/harness";
import { residentMegabytes } from "../harness/resident.ts";
import { absoluteRow } from "../harness/row.ts";
import type { Part } from "../harness/run-bench.ts";

const SETTLED_MS = 3_000;

export const idle: Part = {
  name: "idle",
  async run({ short, pairs }) {
    const daemons: number[] = [];
    const together: number[] = [];
    for (let round = 0; round < pairs; round++) {
      await using daemon = await startDaemon();
      const runner = await eventually(daemon.runnerPid, "the runner to be started");
      await new Promise((resolve) => setTimeout(resolve, short ? SETTLED_MS / 10 : SETTLED_MS));
      const own = residentMegabytes(daemon.process.pid ?? 0);
      daemons.push(own);
      together.push(own + residentMegabytes(runner));
    }
    return [
      absoluteRow({
        row: "idle daemon, resident",
        unit: "MB",
        ours: { name: "stigmer", values: daemons },
        bound: { most: 120 },
      }),
      absoluteRow({
        row: "idle daemon with runner, resident",
        unit: "MB",
        ours: { name: "stigmer", values: together },
        bound: { most: 220 },
      }),
    ];
  },
};
