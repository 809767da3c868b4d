import { rm } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { listBackups } from "./backup.ts";
import { makeFolder, row } from "./folder.suite.ts";
import { restoreBackup } from "./restore.ts";
import { watchSyncs } from "./synced-paths.fake.ts";

it("puts the name of a new database on disk", async () => {
  await using folder = await makeFolder();
  using synced = await watchSyncs();

  await folder.use(async () => {});

  expect(synced.has(folder.dir)).toBe(true);
});

it("puts a backup on disk: its name, the names of its files, and those that it copies", async () => {
  await using folder = await makeFolder();
  await folder.use((store) => store.commit({ puts: [row("a")] }));
  using synced = await watchSyncs();

  await folder.use(async () => {});

  const [backup] = await listBackups(folder.dir);
  const path = backup?.path ?? "";
  const parts = [join(folder.dir, "backups"), path, join(path, "CURRENT")];
  expect(parts.filter((part) => !synced.has(part))).toEqual([]);
});

it("puts the name of a restored database on disk", async () => {
  await using folder = await makeFolder();
  for (const id of ["a", "b"]) await folder.use((store) => store.commit({ puts: [row(id)] }));
  await rm(join(folder.db, "CURRENT"));
  using synced = await watchSyncs();

  await restoreBackup(folder.dir);

  expect(synced.has(folder.dir)).toBe(true);
});
