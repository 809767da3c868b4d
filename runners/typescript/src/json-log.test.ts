import { Failure } from "@stigmer/sdk";
import { expect, it } from "vitest";
import { createJsonLog } from "./json-log.ts";

function logOf() {
  const lines: string[] = [];
  const log = createJsonLog(
    (line) => lines.push(line),
    () => new Date(0),
  );
  return { log, lines };
}

it("writes an object per line, with errors and big numbers as they are", () => {
  const { log, lines } = logOf();

  log.warn({ epoch: 3n, err: new Failure("LIMIT_REACHED", "too\nmuch") }, "attempt failed");

  expect(lines).toHaveLength(1);
  expect(lines[0]).toMatch(/^[^\n]*\n$/);
  expect(JSON.parse(lines[0] ?? "")).toMatchObject({
    level: "warn",
    time: "1970-01-01T00:00:00.000Z",
    epoch: "3",
    err: { name: "Failure", reason: "LIMIT_REACHED", message: "too\nmuch" },
    msg: "attempt failed",
  });
});

it("drops debug lines", () => {
  const { log, lines } = logOf();

  log.debug({}, "detail");

  expect(lines).toEqual([]);
});
