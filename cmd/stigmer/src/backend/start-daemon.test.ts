import { appendFile, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Code, ConnectError } from "@connectrpc/connect";
import { ServerQueryController } from "@stigmer/contracts/platform";
import { describe, expect, it } from "vitest";
import { agentOf, createBackend } from "../backend.fake.ts";
import { createWorld, URL_OF_BACKEND, type World } from "../deps.fake.ts";

describe("local start", () => {
  it("starts the daemon with its home and port, and waits until it answers", async () => {
    const { world, started } = await machine();

    const code = await world.run("local", "start", "--port", "50099");

    expect([code, world.stdout()]).toEqual([0, "the local daemon is running: http://127.0.0.1:50051 (pid 77)\n"]);
    expect(started).toMatchObject([
      { command: ["node", "daemon.js"], env: { STIGMER_HOME: world.home, STIGMER_PORT: "50099" } },
    ]);
  });

  it("starts none where one runs", async () => {
    const { world, started } = await machine();
    await world.run("local", "start");

    const code = await world.run("local", "start");

    expect([code, started.length]).toEqual([0, 1]);
    expect(world.stdout()).toContain("runs already: http://127.0.0.1:50051 (pid 77)");
  });

  it("takes the configured port, then the environment's, then the flag's", async () => {
    const configured = await machine();
    await writeFile(join(configured.world.home, "config.yaml"), "port: 50077\n");
    await configured.world.run("local", "start");
    const named = await machine({ env: { STIGMER_PORT: "50088" } });
    await named.world.run("local", "start");

    expect([configured.started[0]?.env.STIGMER_PORT, named.started[0]?.env.STIGMER_PORT]).toEqual(["50077", "50088"]);
  });

  it("shows the last error of a daemon that ends, and not one of an earlier start", async () => {
    const { world } = await machine({ log: pino(50, "can't open the keyring", { reason: "INTERNAL" }), ends: true });
    await mkdir(join(world.home, "logs"));
    await writeFile(join(world.home, "logs", "daemon.log"), pino(60, "an old error"));

    const code = await world.run("local", "start");

    expect([code, world.stderr().split("\n")[0]]).toEqual([1, "error: can't open the keyring"]);
  });

  it("says who has the port", async () => {
    const log = pino(60, "port 50051 is in use by another program", { reason: "LISTEN_FAILED", port: "50051" });
    const { world } = await machine({ log, ends: true });
    const other = createBackend({ info: { pid: 555n, dataDir: "/other/data" } });
    world.backends[URL_OF_BACKEND] = other.routes;

    await world.run("local", "start");

    expect(world.stderr()).toContain(
      "error: port 50051 is in use by a stigmer-daemon (pid 555, data in /other/data)\n",
    );
    expect(world.stderr()).toContain("--port 50052");
  });

  it("says who has the data folder", async () => {
    const log = pino(60, "the data folder is in use", { reason: "STORE_LOCKED", lock: "/h/data/LOCK", pid: 555 });
    const { world } = await machine({ log, ends: true });

    const code = await world.run("local", "start");

    expect(code).toBe(1);
    expect(world.stderr()).toContain("the data folder is in use by process 555 (lock /h/data/LOCK)");
  });

  it("shows why a program that logs nothing has ended", async () => {
    const log = "node:internal/modules\nError: Cannot find module 'x'\n    at file:1:1\n\nNode.js v24\n";
    const { world } = await machine({ log, ends: true });

    await world.run("local", "start");

    expect(world.stderr().split("\n")[0]).toBe("error: Error: Cannot find module 'x'");
  });

  it("takes the other daemon where two are started at once", async () => {
    const log = pino(60, "the data folder is in use", { reason: "STORE_LOCKED" });
    const { world } = await machine({ log, ends: true, otherPid: 78 });

    const code = await world.run("local", "start");

    expect([code, world.stdout()]).toEqual([0, "the local daemon runs already: http://127.0.0.1:50051 (pid 78)\n"]);
  });

  it("starts none beside one that hangs", async () => {
    const { world, started } = await machine();
    await mkdir(join(world.home, "data"));
    await writeFile(join(world.home, "data", "daemon.json"), JSON.stringify({ pid: 77, url: URL_OF_BACKEND }));
    world.backends[URL_OF_BACKEND] = ({ service }) =>
      void service(ServerQueryController, {
        getInfo: () => {
          throw new ConnectError("late", Code.DeadlineExceeded);
        },
      });

    const code = await world.run("local", "start");

    expect([code, started, world.stderr()]).toEqual([
      4,
      [],
      "error: the local daemon (pid 77) does not answer at http://127.0.0.1:50051\nwait a moment, or look at it (ps -p 77) and end it yourself\n",
    ]);
  });

  it("gives up on a daemon that never answers", async () => {
    const { world } = await machine({ silent: true });

    const code = await world.run("local", "start");

    expect([code, world.stderr().split("\n")[0]]).toEqual([
      1,
      "error: the local daemon (pid 77) does not answer after 15 seconds",
    ]);
  });
});

describe("a command that needs a backend", () => {
  it("starts the local daemon and says so on stderr", async () => {
    const { world, started } = await machine();

    const code = await world.run("list", "agents");

    expect([code, started.length, world.stdout(), world.stderr()]).toEqual([
      0,
      1,
      "",
      "started the local daemon (pid 77)\n",
    ]);
  });

  it.each([
    [["--url", "http://127.0.0.1:59999"], {}],
    [[], { STIGMER_URL: "http://127.0.0.1:59999" }],
  ])("starts none where one is named, and says that it is away: %j %j", async (flags, env) => {
    const { world, started } = await machine({ env });

    const code = await world.run("list", "agents", ...flags);

    expect([code, started]).toEqual([4, []]);
    expect(world.stderr()).toContain("stigmer local start");
  });

  it("never uses a daemon of another home that has the port", async () => {
    const { world, started } = await machine();
    const other = createBackend({ info: { pid: 555n, dataDir: "/other/data" } });
    other.agents.set("a", agentOf("a"));
    world.backends[URL_OF_BACKEND] = other.routes;

    const code = await world.run("list", "agents");

    expect([code, world.stdout(), started]).toEqual([1, "", []]);
    expect(world.stderr()).toContain("port 50051 belongs to another daemon (pid 555, data in /other/data)");
  });

  it("uses what answers on the port and belongs to no home of this machine", async () => {
    const { world } = await machine();
    const tunnel = createBackend({ info: { dataDir: "" } });
    tunnel.agents.set("a", agentOf("a", { model: "x/y" }));
    world.backends[URL_OF_BACKEND] = tunnel.routes;

    const code = await world.run("list", "agents", "-o", "name");

    expect([code, world.stdout()]).toEqual([0, "agent/a\n"]);
  });

  it.each(["ftp://x", "localhost:50051", ""])("refuses the URL %j", async (url) => {
    const { world } = await machine();

    expect(await world.run("list", "agents", "--url", url)).toBe(2);
  });
});

type Machine = {
  readonly log?: string;
  /** The daemon ends instead of answering. */
  readonly ends?: boolean;
  readonly silent?: boolean;
  /** Another daemon of this home answers a little later. */
  readonly otherPid?: number;
  readonly env?: Record<string, string>;
};

type Start = { readonly command: readonly string[]; readonly env: Readonly<Record<string, string | undefined>> };

async function machine(of: Machine = {}): Promise<{ readonly world: World; readonly started: Start[] }> {
  const started: Start[] = [];
  let world: World | undefined;
  const answer = async (pid: number): Promise<void> => {
    if (!world) return;
    const data = join(world.home, "data");
    await mkdir(data, { recursive: true });
    world.backends[URL_OF_BACKEND] = createBackend({ info: { pid: BigInt(pid), dataDir: data } }).routes;
    await writeFile(join(data, "daemon.json"), JSON.stringify({ pid, url: URL_OF_BACKEND, version: "9" }));
  };
  const processes = {
    detach(options: Start) {
      started.push(options);
      let ended: string | undefined;
      const log = join(world?.home ?? "", "logs", "daemon.log");
      const written = appendFile(log, of.log ?? "").then(() => {
        if (of.ends) ended = "exit code 1";
      });
      if (of.otherPid) void written.then(() => answer(of.otherPid ?? 0));
      if (!of.ends && !of.silent) void written.then(() => answer(77));
      return { pid: 77, end: () => ended };
    },
    exists: () => true,
  };
  world = await createWorld({ processes, env: of.env ?? {} });
  return { world, started };
}

function pino(level: number, msg: string, facts: object = {}): string {
  return `${JSON.stringify({ level, time: 1_769_860_800_000, pid: 77, hostname: "h", ...facts, msg })}\n`;
}

it("keeps what the daemon wrote before", async () => {
  const { world } = await machine();
  await mkdir(join(world.home, "logs"));
  await writeFile(join(world.home, "logs", "daemon.log"), "before\n");

  await world.run("local", "start");

  expect(await readFile(join(world.home, "logs", "daemon.log"), "utf8")).toBe("before\n");
});
