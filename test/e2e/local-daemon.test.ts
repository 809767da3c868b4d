import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, it } from "vitest";
import { type CliOptions, type CliResult, stigmer } from "./cli.ts";
import { eventually } from "./harness.ts";

const homes: string[] = [];

function freshHome(): string {
  const home = mkdtempSync(join(tmpdir(), "stigmer-local-"));
  homes.push(home);
  return home;
}

function cliOf(home: string, options: Omit<CliOptions, "home"> = {}): (...args: string[]) => Promise<CliResult> {
  return (...args) => stigmer(args, { home, ...options, env: { STIGMER_PORT: "0", ...options.env } });
}

afterEach(async () => {
  for (const home of homes.splice(0)) {
    await cliOf(home)("local", "stop");
    rmSync(home, { recursive: true, force: true });
  }
});

it("starts once, says so the second time, restarts, and stops without leaving a process", async () => {
  const run = cliOf(freshHome());

  const started = await run("local", "start");
  const again = await run("local", "start");
  const before = JSON.parse((await run("local", "status", "-o", "json")).stdout);
  const restarted = await run("local", "restart");
  const after = JSON.parse((await run("local", "status", "-o", "json")).stdout);
  const stopped = await run("local", "stop");

  expect([started.code, again.code, restarted.code, stopped.code]).toEqual([0, 0, 0, 0]);
  expect(after.pid).not.toBe(before.pid);
  expect(isAlive(after.pid)).toBe(false);
  expect(await run("local", "status")).not.toMatchObject({ code: 0 });
});

it("says who has the data folder when a second daemon is started on it", async () => {
  const home = freshHome();
  await cliOf(home)("local", "start");
  const { pid } = JSON.parse(readFileSync(join(home, "data/daemon.json"), "utf8"));
  rmSync(join(home, "data/daemon.json")); // the CLI no longer knows of the first

  const second = await cliOf(home)("local", "start");

  expect(second.code).toBe(1);
  expect(second.stderr).toContain(String(pid));
  process.kill(Number(pid), "SIGTERM");
  await eventually(() => (isAlive(pid) ? undefined : true), "the first daemon to end");
});

it("says that the port is taken, and what to do", async () => {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as AddressInfo;

  const started = await cliOf(freshHome(), { env: { STIGMER_PORT: String(port) } })("local", "start");

  server.close();
  expect(started.code).toBe(1);
  expect(started.stderr).toContain(`port ${port}`);
  expect(started.stderr).toContain("--port");
});

it("names the backup when the database is damaged, and serves again after reset --from-backup", async () => {
  const home = freshHome();
  const run = cliOf(home);
  await run("agent", "create", "kept", "--instructions", "You are kept.");
  await run("local", "restart"); // a backup is made whenever the database is opened
  await run("local", "stop");
  const db = join(home, "data/db");
  for (const file of readdirSync(db).filter((name) => /^(MANIFEST|CURRENT)/.test(name)))
    writeFileSync(join(db, file), "rubbish");

  const broken = await run("local", "start");
  const restored = await run("local", "reset", "--from-backup", "--yes");
  const listed = await run("list", "agents", "-o", "name");

  expect(broken.code).toBe(1);
  expect(broken.stderr).toContain(join(home, "data/backups"));
  expect(broken.stderr).toContain("stigmer local reset --from-backup");
  expect(restored).toMatchObject({ code: 0 });
  expect(listed.stdout).toBe("agent/kept\n");
});

it("says that the data folder can't be written", async () => {
  const home = freshHome();
  mkdirSync(join(home, "logs"), { mode: 0o777 });
  mkdirSync(join(home, "data"));
  chmodSync(home, 0o755);
  chmodSync(join(home, "logs"), 0o777);
  chmodSync(join(home, "data"), 0o555);

  const started = await cliOf(home, process.getuid?.() === 0 ? { uid: 65_534 } : {})("local", "start");

  expect(started.code).toBe(1);
  expect(started.stderr).toContain(join(home, "data"));
});

/** A process that has ended and was not waited for yet is not alive. */
function isAlive(pid: number): boolean {
  try {
    process.kill(Number(pid), 0);
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}
