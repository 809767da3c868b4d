import { access, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { createBackend } from "../backend.fake.ts";
import { createWorld, URL_OF_BACKEND, type World, type WorldOptions } from "../deps.fake.ts";
import { parseManifests } from "../manifest/read-manifests.ts";
import { FROM_NPM, projectFiles, TEMPLATES } from "./init-project.ts";

describe("local status", () => {
  it("says where the daemon is and with which runners", async () => {
    const world = await running();

    const code = await world.run("local", "status", "-o", "json");

    expect([code, JSON.parse(world.stdout())]).toEqual([
      0,
      {
        running: true,
        url: URL_OF_BACKEND,
        pid: 4242,
        version: "9.9.9",
        dataDir: join(world.home, "data"),
        runners: [{ name: "bundled", connected: true, build: "ts 1" }],
      },
    ]);
  });

  it("says that none runs, and exits as unreachable", async () => {
    const world = await createWorld();

    const code = await world.run("local", "status", "-o", "json");

    expect([code, JSON.parse(world.stdout()).running]).toEqual([4, false]);
    expect(world.stderr()).toContain("stigmer local start");
  });
});

describe("local logs", () => {
  const line = '{"level":50,"time":1769860800000,"pid":1,"hostname":"h","reason":"X","msg":"no\\u001b[2J"}';

  it("shows the newest lines for a person", async () => {
    const world = await withLog(`old\n${line}\nplain\x1b[2J\n`);

    const code = await world.run("local", "logs", "--lines", "2");

    expect([code, world.stdout()]).toEqual([0, "2026-01-31T12:00:00.000Z error no\\x1b[2J reason=X\nplain\\x1b[2J\n"]);
  });

  it("shows them as they are where it is told to", async () => {
    const world = await withLog(`${line}\n`);

    await world.run("local", "logs", "-o", "json");

    expect(world.stdout()).toBe(`${line}\n`);
  });

  it("goes on with what comes, whole lines only, until Ctrl-C", async () => {
    const world = await withLog("first\nsec");
    const path = join(world.home, "logs", "daemon.log");
    const steps = [
      () => writeFile(path, "first\nsecond\nthi"),
      () => writeFile(path, "new\n"),
      async () => world.interrupt(),
    ];
    const deps = { ...world.deps, sleep: async () => await steps.shift()?.() };

    const { runCli } = await import("../cli.ts");
    const code = await runCli(deps, ["local", "logs", "-f"]);

    expect([code, world.stdout()]).toEqual([130, "first\nsecond\nnew\n"]);
  });

  it("says that there is none", async () => {
    const world = await createWorld();

    expect(await world.run("local", "logs")).toBe(1);
  });

  async function withLog(text: string): Promise<World> {
    const world = await createWorld();
    await mkdir(join(world.home, "logs"));
    await writeFile(join(world.home, "logs", "daemon.log"), text);
    return world;
  }
});

describe("local reset", () => {
  it("refuses while the daemon runs", async () => {
    const world = await running();

    const code = await world.run("local", "reset", "--yes");

    expect([code, await exists(join(world.home, "data"))]).toEqual([1, true]);
    expect(world.stderr()).toContain("stigmer local stop");
  });

  it("refuses while the daemon runs whose record is gone", async () => {
    const world = await running({}, { record: false });

    expect(await world.run("local", "reset", "--yes")).toBe(1);
  });

  it("refuses while the recorded process is there, although it does not answer", async () => {
    const world = await running({ processes: { exists: () => true } });
    delete world.backends[URL_OF_BACKEND];

    expect(await world.run("local", "reset", "--yes")).toBe(1);
  });

  it("asks nobody off a terminal, and removes nothing", async () => {
    const world = await stopped();

    const code = await world.run("local", "reset");

    expect([code, await exists(join(world.home, "data"))]).toEqual([2, true]);
  });

  it("removes the data and nothing else", async () => {
    const world = await stopped();
    await writeFile(join(world.home, "config.yaml"), "model: x/y\n");

    const code = await world.run("local", "reset", "--yes");

    expect([code, await readdir(world.home)]).toEqual([0, ["config.yaml"]]);
  });

  it("lets the daemon's program put the backup in place", async () => {
    const runs: unknown[] = [];
    const processes = {
      run: async (options: unknown) => {
        runs.push(options);
        return 0;
      },
    };
    const world = await stopped({ processes });

    const code = await world.run("local", "reset", "--from-backup", "--yes");

    expect([code, await exists(join(world.home, "data"))]).toEqual([0, true]);
    expect(runs).toMatchObject([
      { command: ["node", "daemon.js", "--restore-backup"], env: { STIGMER_HOME: world.home } },
    ]);
  });
});

describe("init", () => {
  it.each(TEMPLATES)("writes manifests that can be applied: %s", (template) => {
    const files = Object.entries(projectFiles(template, FROM_NPM));
    const sources = files.flatMap(([name, text]) => (name.endsWith(".yaml") ? [{ name, text }] : []));

    const { manifests, problems } = parseManifests(sources);

    expect([manifests.length, problems]).toEqual([2, []]);
  });

  it("writes the project, and says how to set a model where none is", async () => {
    const world = await running();

    const code = await world.run("init", "demo");

    expect([code, (await readdir(join(world.home, "demo"))).sort()]).toEqual([
      0,
      [".gitignore", "README.md", "agent.yaml", "mcp-server.yaml", "schemas", "skills"],
    ]);
    expect(world.stdout().split("\n").slice(0, 6)).toEqual([
      "wrote demo/agent.yaml",
      "wrote demo/mcp-server.yaml",
      "wrote demo/skills/house-style/SKILL.md",
      "wrote demo/README.md",
      "wrote demo/.gitignore",
      "wrote demo/schemas/agent.schema.json",
    ]);
    expect(world.stderr()).toContain("stigmer config set model");
  });

  it("says nothing of a model where one is set", async () => {
    const world = await running();
    await world.run("config", "set", "model", "x/y");

    await world.run("init", "demo");

    expect(world.stderr()).not.toContain("stigmer config set model");
  });

  it("overwrites nothing, and names what is there", async () => {
    const world = await running();
    await writeFile(join(world.home, "agent.yaml"), "mine");

    const code = await world.run("init");

    expect([code, await readFile(join(world.home, "agent.yaml"), "utf8")]).toEqual([1, "mine"]);
    expect([await exists(join(world.home, "README.md")), world.stderr()]).toEqual([
      false,
      "error: there already: agent.yaml\nnothing was written; choose another folder: stigmer init <dir>, or overwrite them with --force\n",
    ]);
  });
});

describe("version", () => {
  it("says its own where no daemon runs, and starts none", async () => {
    const world = await createWorld();

    expect([await world.run("version"), world.stdout(), world.stderr()]).toEqual([0, "stigmer 1.2.3\n", ""]);
  });

  it("says the backend's too", async () => {
    const world = await running();

    const code = await world.run("version", "-o", "json");

    expect([code, JSON.parse(world.stdout())]).toMatchObject([
      0,
      { client: { version: "1.2.3" }, server: { version: "9.9.9", implementation: "stigmer-daemon" } },
    ]);
  });

  it("fails where the backend that was named is away", async () => {
    const world = await createWorld();

    expect(await world.run("version", "--url", "http://127.0.0.1:1")).toBe(4);
  });
});

async function running(options: WorldOptions = {}, of: { readonly record?: boolean } = {}): Promise<World> {
  const world = await stopped(options);
  const dataDir = join(world.home, "data");
  world.backends[URL_OF_BACKEND] = createBackend({ info: { dataDir } }).routes;
  const record = { pid: 4242, startTime: "1", url: URL_OF_BACKEND, version: "9.9.9" };
  if (of.record ?? true) await writeFile(join(dataDir, "daemon.json"), JSON.stringify(record));
  return world;
}

async function stopped(options: WorldOptions = {}): Promise<World> {
  const world = await createWorld(options);
  await mkdir(join(world.home, "data"));
  return world;
}

async function exists(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    () => false,
  );
}
