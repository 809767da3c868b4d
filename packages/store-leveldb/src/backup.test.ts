import { readdir, rename, rm, stat, truncate } from "node:fs/promises";
import { basename, join } from "node:path";
import type { Clock } from "@stigmer/base";
import { expect, it } from "vitest";
import { listBackups } from "./backup.ts";
import { AGENTS, type Folder, firstLine, idsIn, makeFolder, row, spawnStore } from "./folder.suite.ts";
import { restoreBackup } from "./restore.ts";

const frozen: Clock = { now: () => Date.UTC(2026, 0, 2, 3, 4, 5, 678), monotonic: () => 0 };

const put = (folder: Folder, id: string) => folder.use((store) => store.commit({ puts: [row(id)] }));

const damage = (folder: Folder) => rm(join(folder.db, "CURRENT"));

it("makes no backup of a database that is not there", async () => {
  await using folder = await makeFolder();

  await folder.use(async () => {});

  expect(await listBackups(folder.dir)).toEqual([]);
});

it("makes a backup at each opening and keeps the newest two", async () => {
  await using folder = await makeFolder();
  for (const id of ["a", "b", "c", "d"]) await put(folder, id);

  const backups = await listBackups(folder.dir);

  expect(backups.map(({ path }) => Number(basename(path).split("-").at(-1)))).toEqual([3, 2]);
  expect(await readdir(join(folder.dir, "backups"))).toHaveLength(2);
});

it("names backups by time and number, and the newest by number", async () => {
  await using folder = await makeFolder();
  await put(folder, "a");
  await (await folder.open()).close();

  const store = await folder.open({ clock: frozen });
  await store.close();

  const [newest, before] = await listBackups(folder.dir);
  expect(newest).toEqual({ path: join(folder.dir, "backups", "20260102T030405Z-2"), madeAt: "2026-01-02T03:04:05Z" });
  expect(basename(before?.path ?? "")).toMatch(/-1$/);
});

it("links tables, which never change, and copies the rest", async () => {
  await using folder = await makeFolder();
  await put(folder, "a");
  await put(folder, "b");

  await put(folder, "c");

  const [newest] = await listBackups(folder.dir);
  const names = await readdir(newest?.path ?? "");
  const links = await Promise.all(names.map(async (name) => (await stat(join(newest?.path ?? "", name))).nlink));
  expect(names.filter((_, at) => (links[at] ?? 0) > 1)).toEqual(names.filter((name) => name.endsWith(".ldb")));
  expect(names.some((name) => name.endsWith(".ldb"))).toBe(true);
});

it("goes back to the newest backup and keeps the damaged database aside", async () => {
  await using folder = await makeFolder();
  for (const id of ["a", "b", "c"]) await put(folder, id);
  await damage(folder);

  const restored = await restoreBackup(folder.dir);

  const [newest] = await listBackups(folder.dir);
  expect(restored.backup).toEqual(newest);
  expect(basename(restored.aside ?? "")).toMatch(/^db\.damaged-\d{8}T\d{6}Z$/);
  expect(await readdir(restored.aside ?? "")).toContain("LOCK");
  expect(await folder.use(idsIn)).toEqual(["a", "b"]);
});

it("leaves the backup as it was, so that it can be restored again", async () => {
  await using folder = await makeFolder();
  for (const id of ["a", "b", "c"]) await put(folder, id);
  await damage(folder);
  const first = await restoreBackup(folder.dir);
  await using store = await folder.open();
  await store.commit({ puts: [row("later")] });
  await store.close();
  await damage(folder);

  for (const backup of await listBackups(folder.dir)) {
    if (backup.path !== first.backup.path) await rm(backup.path, { recursive: true });
  }
  await restoreBackup(folder.dir);

  expect(await folder.use(idsIn)).toEqual(["a", "b"]);
});

it("passes over backups that are not sound", async () => {
  await using folder = await makeFolder();
  for (const id of ["a", "b", "c"]) await put(folder, id);
  const [newest] = await listBackups(folder.dir);
  const manifest = (await readdir(newest?.path ?? "")).find((name) => name.startsWith("MANIFEST")) ?? "";
  await truncate(join(newest?.path ?? "", manifest), 3);

  await restoreBackup(folder.dir);

  expect(await folder.use(idsIn)).toEqual(["a"]);
});

it("changes nothing where no backup is sound", async () => {
  await using folder = await makeFolder();
  await put(folder, "a");

  const restored = restoreBackup(folder.dir);

  await expect(restored).rejects.toMatchObject({ reason: "STORE_CORRUPT", facts: { backup: "none" } });
  expect(await folder.use(idsIn)).toEqual(["a"]);
});

it("refuses to restore while the store is open", async () => {
  await using folder = await makeFolder();
  await put(folder, "a");
  await using other = spawnStore(folder.dir, "hold");
  await firstLine(other);

  await expect(restoreBackup(folder.dir)).rejects.toMatchObject({ reason: "STORE_LOCKED" });
});

it("goes on with revisions that nobody has seen, and refuses watches from before", async () => {
  await using folder = await makeFolder();
  await put(folder, "a");
  const lost = await folder.use(async (store) => {
    await store.commit({ puts: [row("b")] });
    return await store.commit({ puts: [row("b")] });
  });
  await damage(folder);

  await restoreBackup(folder.dir);

  await folder.use(async (store) => {
    const { signal } = new AbortController();
    for (const after of [1, lost]) {
      const watch = store.watch(AGENTS, { after, signal })[Symbol.asyncIterator]();
      await expect(watch.next()).rejects.toMatchObject({ reason: "WATCH_TOKEN_EXPIRED" });
    }
    expect(await store.commit({ puts: [row("c")] })).toBeGreaterThan(lost);
  });
});

it("ends a restore that was interrupted half-way", async () => {
  await using folder = await makeFolder();
  for (const id of ["a", "b", "c"]) await put(folder, id);
  await damage(folder);
  const { aside } = await restoreBackup(folder.dir);
  await rename(folder.db, join(folder.dir, "db.restored"));

  expect(aside).toBeDefined();
  expect(await folder.use(idsIn)).toEqual(["a", "b"]);
});
