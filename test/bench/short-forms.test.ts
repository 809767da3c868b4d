import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, it } from "vitest";
import type { Row } from "./harness/row.ts";

const execute = promisify(execFile);
const ROWS = { rpc: 7, cli: 5, journal: 8, execution: 14 };

it.each(Object.entries(ROWS))(
  "bench-%s gives its %i rows, each with figures of both sides",
  async (name, count) => {
    const out = mkdtempSync(join(tmpdir(), "stigmer-bench-out-"));

    const { stdout } = await execute(process.execPath, [join(import.meta.dirname, `bench-${name}.ts`)], {
      env: { ...process.env, ONLY: "", BENCH: "short", BENCH_OUT: out },
    });

    const lines = readFileSync(join(out, "results.jsonl"), "utf8").trimEnd().split("\n");
    rmSync(out, { recursive: true });
    const rows = lines.map((line): Row => JSON.parse(line));
    expect(rows).toHaveLength(count);
    for (const { row, ours, peer } of rows) {
      expect(stdout).toContain(row);
      expect(ours.median, row).toBeGreaterThan(0);
      expect("missing" in peer || peer.median, row).toBeTruthy();
    }
  },
  300_000,
);
