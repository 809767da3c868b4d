import { describe, expect, it } from "vitest";
import { type Run, sumTallies } from "./tally.ts";

const UNIT = { suite: "unit", passed: 3, failed: 0, skipped: [] };
const RUN: Run = { tallies: [UNIT], expected: ["unit"], exitCode: 0, noSkips: false };

describe("sumTallies", () => {
  it("closes with one line over all suites", () => {
    const e2e = { suite: "e2e", passed: 2, failed: 1, skipped: [] };

    const sum = sumTallies({ ...RUN, tallies: [UNIT, e2e], exitCode: 1 });

    expect(sum).toEqual({ lines: ["5 passed, 1 failed"], ok: false });
  });

  it("names skipped tests and lets them be", () => {
    const sum = sumTallies({ ...RUN, tallies: [{ ...UNIT, skipped: ["a.test.ts > waits"] }] });

    expect(sum).toEqual({ lines: ["skipped: a.test.ts > waits", "3 passed, 0 failed"], ok: true });
  });

  it("fails for skipped tests where none may be", () => {
    const sum = sumTallies({ ...RUN, noSkips: true, tallies: [{ ...UNIT, skipped: ["a.test.ts > waits"] }] });

    expect(sum.lines).toEqual(["skipped, which fails here: a.test.ts > waits", "3 passed, 1 failed"]);
  });

  it("fails for a suite that ran nothing", () => {
    const sum = sumTallies({ ...RUN, expected: ["unit", "e2e"] });

    expect(sum.lines).toEqual(["failed: no test of e2e ran", "3 passed, 1 failed"]);
  });

  it("fails where the run failed and no test says why", () => {
    const sum = sumTallies({ ...RUN, exitCode: 7 });

    expect(sum.lines).toEqual(["failed: the tests ended with exit code 7", "3 passed, 1 failed"]);
  });
});
