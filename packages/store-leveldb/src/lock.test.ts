import { readdir, readFile, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { systemClock } from "@stigmer/base";
import { expect, it } from "vitest";
import { firstLine, idsIn, makeFolder, row, spawnStore } from "./folder.suite.ts";
import { takeLock } from "./lock.ts";
import { processStart } from "./process-identity.ts";

it("refuses a second opener in the same process, and names lock and process", async () => {
  await using folder = await makeFolder();
  await using _ = await folder.open();

  const second = folder.open();

  const facts = { lock: join(folder.dir, "lock"), pid: `${process.pid}` };
  await expect(second).rejects.toMatchObject({ reason: "STORE_LOCKED", kind: "precondition", facts });
});

it("refuses a second opener in another process, and leaves the first alone", async () => {
  await using folder = await makeFolder();
  await using store = await folder.open();

  await using other = spawnStore(folder.dir, "open");

  expect(await firstLine(other)).toMatchObject({ reason: "STORE_LOCKED", facts: { pid: `${process.pid}` } });
  await store.commit({ puts: [row("a")] });
  expect(await idsIn(store)).toEqual(["a"]);
});

it("makes no backup of a database that is in use", async () => {
  await using folder = await makeFolder();
  await folder.use((store) => store.commit({ puts: [row("a")] }));
  await using _ = await folder.open();
  const before = await readdir(join(folder.dir, "backups"));

  await folder.open().catch(() => {});

  expect(await readdir(join(folder.dir, "backups"))).toEqual(before);
});

it("takes the lock of a killed process over", async () => {
  await using folder = await makeFolder();
  await using other = spawnStore(folder.dir, "hold");
  const { open: pid } = await firstLine(other);
  await expect(folder.open()).rejects.toMatchObject({ reason: "STORE_LOCKED", facts: { pid: `${pid}` } });

  await other.kill();

  await folder.use((store) => store.commit({ puts: [row("a")] }));
  expect(await readdir(folder.dir)).not.toContain("lock");
});

it("takes the lock of a process over whose id another one has now", async () => {
  await using folder = await makeFolder();
  const owner = { pid: process.pid, start: "1 another boot", host: hostname(), when: "", id: "" };
  await writeFile(join(folder.dir, "lock"), JSON.stringify(owner));

  await using store = await folder.open();

  expect(store.revision()).toBe(0);
  expect(JSON.parse(await readFile(join(folder.dir, "lock"), "utf8"))).toMatchObject({
    pid: process.pid,
    start: await processStart(process.pid),
  });
});

it("takes over a lock that nobody can read", async () => {
  await using folder = await makeFolder();
  await writeFile(join(folder.dir, "lock"), "");

  await using store = await folder.open();

  expect(store.revision()).toBe(0);
});

it("lets exactly one of many take a stale lock over", async () => {
  await using folder = await makeFolder();
  await writeFile(
    join(folder.dir, "lock"),
    JSON.stringify({ pid: 2 ** 22 + 1, start: "0", host: hostname(), id: "x" }),
  );

  const attempts = await Promise.allSettled(Array.from({ length: 20 }, () => takeLock(folder.dir, systemClock)));

  const taken = attempts.filter(({ status }) => status === "fulfilled");
  expect(taken).toHaveLength(1);
  expect(await readdir(folder.dir)).toEqual(["lock"]);
});

it("believes LevelDB's own lock over a lock file of another host, and puts that back", async () => {
  await using folder = await makeFolder();
  await using other = spawnStore(folder.dir, "hold");
  await firstLine(other);
  const elsewhere = JSON.stringify({ pid: 7, start: "0", host: "elsewhere", when: "", id: "y" });
  await writeFile(join(folder.dir, "lock"), elsewhere);

  const second = folder.open();

  await expect(second).rejects.toMatchObject({ reason: "STORE_LOCKED", facts: { pid: "7" } });
  expect(await readFile(join(folder.dir, "lock"), "utf8")).toBe(elsewhere);
});

it("lets go of the lock when it is closed", async () => {
  await using folder = await makeFolder();
  const store = await folder.open();

  await store.close();

  expect(await readdir(folder.dir)).not.toContain("lock");
});
