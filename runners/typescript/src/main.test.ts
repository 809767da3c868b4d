import { spawn } from "node:child_process";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

const MAIN = fileURLToPath(new URL("main.ts", import.meta.url));
const NOBODY = "http://127.0.0.1:1";

function startRunner(env: Record<string, string> = {}) {
  const runner = spawn(process.execPath, [MAIN], { env: { STIGMER_ENDPOINT: NOBODY, ...env } });
  const exited = once(runner, "exit");
  const lines = createInterface({ input: runner.stderr });
  return { runner, exited, lines };
}

it("goes on without a daemon, and ends in order when it is told to", async () => {
  const { runner, exited, lines } = startRunner();
  const [line] = await once(lines, "line");

  runner.kill("SIGTERM");

  expect(JSON.parse(line)).toMatchObject({ level: "warn", msg: "not connected" });
  expect(await exited).toEqual([0, null]);
});

it("outlives whoever reads its log", async () => {
  const daemon = createServer((socket) => socket.destroy());
  await once(daemon.listen(0, "127.0.0.1"), "listening");
  const { runner, exited } = startRunner({
    STIGMER_ENDPOINT: `http://127.0.0.1:${(daemon.address() as AddressInfo).port}`,
  });
  await once(daemon, "connection");

  runner.stderr.destroy();
  for (let tries = 0; tries < 4; tries++) await once(daemon, "connection");
  runner.kill("SIGTERM");

  expect(await exited).toEqual([0, null]);
  daemon.close();
});

it("ends at once where its settings make no sense", async () => {
  const { exited, lines } = startRunner({ STIGMER_RUNNER_SLOTS: "many" });
  const [line] = await once(lines, "line");

  expect(JSON.parse(line)).toMatchObject({ level: "error", msg: "runner failed" });
  expect(await exited).toEqual([1, null]);
});
