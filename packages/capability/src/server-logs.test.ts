import { create } from "@bufbuild/protobuf";
import { isFault } from "@stigmer/base";
import { type McpServerLogLine, ServerLoggedSchema } from "@stigmer/contracts/agentic";
import { expect, it } from "vitest";
import { createServerLogs, type ServerLogs } from "./server-logs.ts";

const never = new AbortController().signal;
const READ = { org: "local", name: "files", tail: 0, follow: false, signal: never };

function add(logs: ServerLogs, line: string, name = "files", org = "local"): void {
  logs.add(org, create(ServerLoggedSchema, { sessionId: "ses_1", name, line }));
}

async function all(lines: AsyncIterable<McpServerLogLine>): Promise<string[]> {
  const read: string[] = [];
  for await (const { line } of lines) read.push(line);
  return read;
}

it("gives the lines of one server of one organization, in order", async () => {
  const logs = createServerLogs();
  add(logs, "one");
  add(logs, "of another server", "web");
  add(logs, "of another organization", "files", "other");
  add(logs, "two");

  expect(await all(logs.read(READ))).toEqual(["one", "two"]);
  expect(await all(logs.read({ ...READ, tail: 1 }))).toEqual(["two"]);
});

it("keeps the newest lines, however long they are", async () => {
  const logs = createServerLogs();
  for (let line = 0; line < 1_000; line++) add(logs, `${line} ${"x".repeat(10_000)}`);

  const read = await all(logs.read(READ));

  expect(read.length).toBeLessThanOrEqual(105);
  expect(read.at(-1)).toMatch(/^999 /);
});

it("keeps the logs of so many servers, those that were used last", async () => {
  const logs = createServerLogs();
  for (let server = 0; server < 300; server++) add(logs, "line", `s${server}`);

  expect(await all(logs.read({ ...READ, name: "s0" }))).toEqual([]);
  expect(await all(logs.read({ ...READ, name: "s299" }))).toEqual(["line"]);
});

it("tells a reader who is too slow how much he has lost", async () => {
  const logs = createServerLogs();
  add(logs, "first");
  const leave = new AbortController();
  const reading = logs.read({ ...READ, follow: true, signal: leave.signal })[Symbol.asyncIterator]();
  await reading.next();

  for (let line = 1; line <= 1_500; line++) add(logs, `line ${line}`);
  const next = await reading.next();
  leave.abort();
  await reading.return?.();

  expect(next.value).toMatchObject({ line: "line 501", lost: 500n });
});

it("belongs to no session where a person uses the server", async () => {
  const logs = createServerLogs();
  logs.add("local", create(ServerLoggedSchema, { sessionId: "person-1", name: "files", line: "hi" }));

  for await (const { sessionId } of logs.read(READ)) expect(sessionId).toBe("");
});

it("has so many who follow, and refuses more", async () => {
  const logs = createServerLogs();
  add(logs, "line");
  const leave = new AbortController();
  const follow = { ...READ, follow: true, signal: leave.signal };
  const readers = Array.from({ length: 256 }, () => logs.read(follow)[Symbol.asyncIterator]());
  await Promise.all(readers.map((reader) => reader.next()));

  const refused = await logs
    .read(follow)
    [Symbol.asyncIterator]()
    .next()
    .catch((error: unknown) => error);
  await readers[0]?.return?.();
  const again = await logs.read(follow)[Symbol.asyncIterator]().next();
  leave.abort();

  expect(isFault(refused, "LIMIT_REACHED")).toBe(true);
  expect(again.value).toMatchObject({ line: "line" });
});
