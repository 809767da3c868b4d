import { expect, it } from "vitest";
import { createServerLog } from "./server-log.ts";

it("hands on as many lines as a person may read, and says how many it left out", () => {
  const lines: string[] = [];
  let now = 0;
  const log = createServerLog(
    (line) => void lines.push(line),
    () => now,
  );

  for (let count = 0; count < 1_000; count++) log(`line ${count}`);
  now = 1_000;
  log("a second later");

  expect(lines).toHaveLength(202);
  expect(lines.slice(-3)).toEqual(["line 199", "… 800 lines left out", "a second later"]);
});

it("cuts a line that no message takes", () => {
  const lines: string[] = [];
  const log = createServerLog(
    (line) => void lines.push(line),
    () => 0,
  );

  log("x".repeat(20_000));

  expect(lines[0]).toHaveLength(16_384);
});
