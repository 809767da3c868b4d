import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Code } from "@connectrpc/connect";
import type { CreateAgentExecutionsRequest } from "@stigmer/contracts/agentic";
import { expect, it } from "vitest";
import { createBackend, type FakeBackend, refusal } from "../backend.fake.ts";
import { createWorld, URL_OF_BACKEND, type World } from "../deps.fake.ts";

it("starts one execution for each line that says something, and writes the ids in order", async () => {
  const { run, world, batches } = await scene("one\n\n  \ntwo\r\nthree");

  const code = await run("--messages-from", "-", "--model", "x/y");

  expect([code, world.stdout()]).toEqual([0, "aex_one\naex_two\naex_three\n"]);
  const [batch] = batches();
  expect(batch?.map(({ spec }) => [spec?.agent, spec?.message, spec?.model, spec?.workspace])).toEqual(
    ["one", "two", "three"].map((message) => ["a1", message, "x/y", world.home]),
  );
});

it("reads a file, relative to where it is", async () => {
  const { run, world } = await scene("");
  await writeFile(join(world.home, "lines.txt"), "one\n");

  expect([await run("--messages-from", "lines.txt"), world.stdout()]).toEqual([0, "aex_one\n"]);
});

it("asks for no more at once than a call may hold", async () => {
  const { run, batches } = await scene(Array.from({ length: 2001 }, (_, at) => `m${at}\n`).join(""));

  await run("--messages-from", "-");

  expect(batches().map((batch) => batch.length)).toEqual([1000, 1000, 1]);
});

it("asks for no more at once than fits into a message", async () => {
  const { run, batches } = await scene(`${"x".repeat(900_000)}\n`.repeat(5));

  await run("--messages-from", "-");

  expect(batches().map((batch) => batch.length)).toEqual([2, 2, 1]);
});

it("writes one line of JSON for each where it is told to", async () => {
  const { run, world } = await scene("one\ntwo\n");

  await run("--messages-from", "-", "-o", "json");

  const lines = world
    .stdout()
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  expect(lines).toMatchObject([{ metadata: { id: "aex_one" } }, { metadata: { id: "aex_two" } }]);
});

it("says which line is refused, and which were started before", async () => {
  const { run, world, backend } = await scene("x\n".repeat(1001));
  backend.start = () => {
    if (backend.requests.length < 2) return;
    throw refusal(Code.InvalidArgument, "INVALID_REQUEST", { fields: { "executions[0].spec.model": "is unknown" } });
  };

  const code = await run("--messages-from", "-");

  expect([code, world.stdout().split("\n").length]).toEqual([2, 1001]);
  expect(world.stderr()).toContain("error: message 1001: --model: is unknown\n");
  expect(world.stderr()).toContain("error: 1000 of 1001 were started, those whose ids were written\n");
});

it.each([
  [["hi", "--messages-from", "-"]],
  [["--messages-from", "-", "--session", "s"]],
  [["--messages-from", "-", "--approve", "all"]],
  [["--messages-from", "nowhere.txt"]],
  [["--messages-from", "-"]],
])("refuses %j as misused, where nothing is piped in", async (args) => {
  const { run, backend } = await scene("\n");

  expect([await run(...args), backend.requests]).toEqual([2, []]);
});

async function scene(stdin: string): Promise<{
  world: World;
  backend: FakeBackend;
  run: (...args: string[]) => Promise<number>;
  batches: () => CreateAgentExecutionsRequest["executions"][];
}> {
  const backend = createBackend();
  const world = await createWorld({ backends: { [URL_OF_BACKEND]: backend.routes }, stdin });
  const batches = () => backend.requests.map((request) => (request as CreateAgentExecutionsRequest).executions);
  const run = (...args: string[]) => world.run("agent", "execute", "a1", ...args, "--url", URL_OF_BACKEND);
  return { world, backend, run, batches };
}
