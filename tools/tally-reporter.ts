import { appendFileSync, mkdirSync } from "node:fs";
import { dirname } from "node:path";
import type { Reporter, TestModule } from "vitest/node";
import type { Tally } from "./tally.ts";

/** Appends one line for each suite that a run took in to `file`, for `tally.ts` to sum. */
export function createTallyReporter(file: string): Reporter {
  return {
    onTestRunEnd(modules, unhandled) {
      const suites = Map.groupBy(modules, (module) => module.project.name);
      const tallies = Array.from(suites, ([suite, members]) => tallyOf(suite, members));
      const stray = { suite: "errors outside tests", passed: 0, failed: unhandled.length, skipped: [] };
      const lines = [...tallies, ...(unhandled.length > 0 ? [stray] : [])].map((tally) => `${JSON.stringify(tally)}\n`);
      mkdirSync(dirname(file), { recursive: true });
      appendFileSync(file, lines.join(""));
    },
  };
}

/** A file that could not be loaded, or a hook that threw, counts as one failure each. */
function tallyOf(suite: string, modules: readonly TestModule[]): Tally {
  const tests = modules.flatMap((module) => [...module.children.allTests()]);
  const groups = [...modules, ...modules.flatMap((module) => [...module.children.allSuites()])];
  const inState = (state: string) => tests.filter((test) => test.result().state === state);
  return {
    suite,
    passed: inState("passed").length,
    failed:
      inState("failed").length + inState("pending").length + groups.filter((group) => group.errors().length > 0).length,
    skipped: inState("skipped").map((test) => `${test.module.relativeModuleId} > ${test.fullName}`),
  };
}
