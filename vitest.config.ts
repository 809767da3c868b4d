import { defineConfig } from "vitest/config";
import { createTallyReporter } from "./tools/tally-reporter.ts";

const { STIGMER_TALLY } = process.env;
const MINUTE = 60_000;

/** Suites run one after the other; those that start processes must not share the machine with others. */
export default defineConfig({
  test: {
    reporters: STIGMER_TALLY ? ["default", createTallyReporter(STIGMER_TALLY)] : ["default"],
    maxWorkers: 2,
    projects: [
      {
        extends: true,
        test: {
          name: "unit",
          include: [
            "{packages,cmd,sdk,runners}/**/src/**/*.test.ts",
            "test/standins/src/**/*.test.ts",
            "tools/*.test.ts",
            "test/bench/*/*.test.ts",
            "test/fuzz/*/*.test.ts",
            "test/faults/mutants/places.test.ts",
          ],
          exclude: ["**/node_modules/**", "**/dist/**", "**/gen/**"],
          testTimeout: MINUTE / 3,
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          name: "e2e",
          include: ["test/e2e/**/*.test.ts"],
          testTimeout: MINUTE,
          hookTimeout: MINUTE,
          sequence: { groupOrder: 1 },
        },
      },
      {
        extends: true,
        test: {
          name: "conformance",
          include: ["test/conformance/*.test.ts"],
          testTimeout: 5 * MINUTE,
          hookTimeout: MINUTE,
          maxConcurrency: 12,
          sequence: { groupOrder: 3 },
        },
      },
      {
        extends: true,
        test: {
          name: "faults",
          include: ["test/faults/**/*.test.ts"],
          exclude: ["**/node_modules/**", "test/faults/mutants/**"],
          testTimeout: 5 * MINUTE,
          hookTimeout: MINUTE,
          fileParallelism: false,
          sequence: { groupOrder: 2 },
        },
      },
      {
        extends: true,
        test: {
          name: "bench",
          include: ["test/bench/*.test.ts"],
          testTimeout: 5 * MINUTE,
          sequence: { groupOrder: 4 },
        },
      },
      {
        extends: true,
        test: {
          name: "fuzz",
          include: ["test/fuzz/*.test.ts"],
          testTimeout: 5 * MINUTE,
          sequence: { groupOrder: 5 },
        },
      },
      {
        extends: true,
        test: {
          name: "mcp",
          include: ["test/mcp/*.test.ts"],
          testTimeout: 2 * MINUTE,
          maxConcurrency: 2,
          sequence: { groupOrder: 7 },
        },
      },
      {
        extends: true,
        test: {
          name: "mutants",
          include: ["test/faults/mutants/mutants.test.ts"],
          testTimeout: 4 * MINUTE,
          hookTimeout: MINUTE,
          maxConcurrency: 3,
          sequence: { groupOrder: 6 },
        },
      },
    ],
  },
});
