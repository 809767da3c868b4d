import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["{packages,cmd,sdk,runners}/**/src/**/*.test.ts", "tools/*.test.ts"],
    exclude: ["**/node_modules/**", "**/dist/**", "**/gen/**"],
    testTimeout: 20_000,
    maxWorkers: 2,
  },
});
