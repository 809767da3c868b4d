import { expect, it } from "vitest";
import { createBackend, type FakeBackend } from "../backend.fake.ts";
import { createWorld, URL_OF_BACKEND, type World } from "../deps.fake.ts";

const runner = (connected: boolean, instance: string) => ({
  metadata: { name: "bundled", id: "rnr_1" },
  status: { connected, instance, draining: connected },
});

it("lists runners, and shows one", async () => {
  const { run, world } = await scene([runner(true, "a")]);

  const codes = [await run("list", "-o", "name"), await run("get", "bundled", "-o", "name")];

  expect([codes, world.stdout()]).toEqual([[0, 0], "runner/bundled\nrunner/bundled\n"]);
});

it("drains a runner by its name, and leaves it at that", async () => {
  const { run, world, backend } = await scene([runner(true, "a")]);

  const code = await run("drain", "bundled");

  expect([code, world.stdout()]).toEqual([0, "runner/bundled drains\n"]);
  expect(backend.requests).toMatchObject([{ id: "rnr_1" }]);
});

it.each([
  ["has disconnected", runner(false, "a")],
  ["is another process", runner(true, "b")],
])("waits until the runner %s", async (_, last) => {
  const { run, world, backend } = await scene([runner(true, "a"), runner(true, "a"), runner(true, "a"), last]);

  const code = await run("drain", "bundled", "--wait");

  expect([code, world.stdout(), backend.runners]).toEqual([0, "runner/bundled drained\n", [last]]);
});

it("says at Ctrl-C that the runner drains all the same", async () => {
  const { run, world } = await scene([runner(true, "a")]);
  setImmediate(() => setTimeout(() => world.interrupt(), 20));

  expect([await run("drain", "bundled", "--wait"), world.stdout()]).toEqual([130, ""]);
  expect(world.stderr()).toContain("stigmer runner get rnr_1");
});

async function scene(runners: FakeBackend["runners"]): Promise<{
  world: World;
  backend: FakeBackend;
  run: (...args: string[]) => Promise<number>;
}> {
  const backend = createBackend();
  backend.runners.splice(0, 1, ...runners);
  const world = await createWorld({ backends: { [URL_OF_BACKEND]: backend.routes } });
  return { world, backend, run: (...args) => world.run("runner", ...args, "--url", URL_OF_BACKEND) };
}
