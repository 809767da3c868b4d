import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { createBackend } from "../backend.fake.ts";
import { createWorld, URL_OF_BACKEND, type World } from "../deps.fake.ts";

const PID = 4242;

describe("local stop", () => {
  it("ends the daemon that says that it is the recorded process and serves this home, and waits until it is gone", async () => {
    const { world, ended } = await machine({ pid: PID, polls: 3 });

    const code = await world.run("local", "stop");

    expect([code, ended, world.stdout()]).toEqual([0, [PID], `stopped the local daemon (pid ${PID})\n`]);
  });

  it("never ends a process that does not answer: its pid may be another program's", async () => {
    const { world, ended } = await machine({ pid: PID, answers: false });

    const code = await world.run("local", "stop");

    expect([code, ended]).toEqual([1, []]);
    expect(world.stderr()).toContain(`ps -p ${PID}`);
  });

  it("never ends the recorded process where another one answers", async () => {
    const { world, ended } = await machine({ pid: 1, infoPid: PID });

    const code = await world.run("local", "stop");

    expect([code, ended]).toEqual([1, []]);
  });

  it("never ends a daemon of another home", async () => {
    const { world, ended } = await machine({ pid: PID, dataDir: "/elsewhere" });

    const code = await world.run("local", "stop");

    expect([code, ended]).toEqual([1, []]);
  });

  it("is done where the recorded process is gone", async () => {
    const { world, ended } = await machine({ pid: PID, answers: false, alive: false });

    const code = await world.run("local", "stop");

    expect([code, ended, world.stdout()]).toEqual([0, [], "the local daemon is not running\n"]);
  });

  it("fails where the daemon does not end in time", async () => {
    const { world } = await machine({ pid: PID, polls: Number.POSITIVE_INFINITY });

    const code = await world.run("local", "stop");

    expect([code, world.stderr()]).toEqual([
      1,
      "error: the local daemon (pid 4242) has not ended after 20 seconds\nwait longer, or look at its log: stigmer local logs\n",
    ]);
  });
});

type Machine = {
  readonly pid: number;
  readonly infoPid?: number;
  readonly dataDir?: string;
  readonly answers?: boolean;
  readonly alive?: boolean;
  /** How often the process is still there after it was asked to end. */
  readonly polls?: number;
};

async function machine(of: Machine): Promise<{ readonly world: World; readonly ended: number[] }> {
  const ended: number[] = [];
  let polls = of.polls ?? 0;
  const processes = {
    terminate: (pid: number) => void ended.push(pid),
    exists: () => (ended.length > 0 ? polls-- > 0 : (of.alive ?? true)),
  };
  const world = await createWorld({ processes });
  const dataDir = of.dataDir ?? join(world.home, "data");
  const { routes } = createBackend({ info: { pid: BigInt(of.infoPid ?? of.pid), dataDir } });
  if (of.answers ?? true) world.backends[URL_OF_BACKEND] = routes;
  await mkdir(join(world.home, "data"));
  const record = { pid: of.pid, startTime: "1", url: URL_OF_BACKEND, version: "9.9.9" };
  await writeFile(join(world.home, "data", "daemon.json"), JSON.stringify(record));
  return { world, ended };
}
