import { hash } from "node:crypto";
import { open, readdir, readFile, rm, stat, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { listBackups } from "./backup.ts";
import { agent, type Folder, idsIn, makeFolder, row } from "./folder.suite.ts";
import { restoreBackup } from "./restore.ts";

// Bytes that can't be compressed, so that they stand in the files as they are.
const NOISE = Buffer.concat(Array.from({ length: 128 }, (_, at) => hash("sha256", `${at}`, "buffer")));

it.each(["CURRENT", "MANIFEST", ".ldb", ".log"])("refuses a database whose %s is missing", async (what) => {
  await using folder = await withData();
  await rm(await fileOf(folder, what));

  await expectCorrupt(folder);
});

it.each(["CURRENT", "MANIFEST", ".ldb"])("refuses a database whose %s is cut off", async (what) => {
  await using folder = await withData();
  const path = await fileOf(folder, what);
  await truncate(path, Math.floor((await stat(path)).size / 3));

  await expectCorrupt(folder);
});

it.each(["CURRENT", "MANIFEST", ".ldb"])("refuses a database whose %s is garbage", async (what) => {
  await using folder = await withData();
  await writeFile(await fileOf(folder, what), NOISE);

  await expectCorrupt(folder);
});

it("refuses a database whose log has lost commits that later ones follow", async () => {
  await using folder = await withData();
  await folder.use(async (store) => {
    for (const id of ["x", "y", "z"]) await store.commit({ puts: [row(id, NOISE)] });
  });
  await overwrite(await fileOf(folder, ".log"), 3_000, NOISE.subarray(0, 100));

  await expectCorrupt(folder);
});

it("opens a database whose log ends in the middle of a commit", async () => {
  await using folder = await withData();
  await folder.use((store) => store.commit({ puts: [row("x", NOISE)] }));
  const path = await fileOf(folder, ".log");
  await truncate(path, (await stat(path)).size - 10);

  const ids = await folder.use(idsIn);

  expect(ids).toContain("a");
  expect(ids).not.toContain("x");
});

it("begins anew where the making of a database was interrupted", async () => {
  await using folder = await makeFolder();
  await folder.use(async () => {});
  for (const name of await readdir(folder.db)) {
    if (!name.startsWith("MANIFEST")) await rm(join(folder.db, name));
  }

  expect(await folder.use(idsIn)).toEqual([]);
});

it("refuses a database that it has not made", async () => {
  await using folder = await makeFolder();
  const { ClassicLevel } = await import("classic-level");
  await using other = new ClassicLevel(folder.db);
  await other.put("a", "b");
  await other.close();

  await expect(folder.open()).rejects.toMatchObject({ reason: "STORE_CORRUPT" });
});

it("reports a damaged value when it is read, and reads the others", async () => {
  await using folder = await withData();
  const table = await fileOf(folder, ".ldb");
  const bytes = await readFile(table);
  await overwrite(table, bytes.lastIndexOf(NOISE.subarray(100, 200)), Buffer.from([0xff, 0, 0xff]));

  await using store = await folder.open();

  const { backup } = await corruptFacts(async () => store.get(agent("a")));
  expect(backup).toBe((await listBackups(folder.dir))[0]?.path);
  await corruptFacts(async () => store.page(agent(""), { limit: 10 }));
  await corruptFacts(async () => store.commit({ puts: [row("a")] }));
  expect(await store.get(agent("z"))).toMatchObject({ id: "z" });
  expect(await store.commit({ puts: [row("new")] })).toBe(store.revision());
});

it("keeps good backups from being pushed out by a damaged database", async () => {
  await using folder = await withData();
  const before = await listBackups(folder.dir);
  await rm(await fileOf(folder, "CURRENT"));

  for (let attempt = 0; attempt < 4; attempt++) await expect(folder.open()).rejects.toBeDefined();

  expect(await listBackups(folder.dir)).toEqual(before);
  await restoreBackup(folder.dir);
  expect(await folder.use(idsIn)).toEqual(["a", "z"]);
});

it("passes over a backup with a damaged value", async () => {
  await using folder = await withData();
  const [newest, before] = await listBackups(folder.dir);
  const table = join(
    newest?.path ?? "",
    (await readdir(newest?.path ?? "")).find((name) => name.endsWith(".ldb")) ?? "",
  );
  const bytes = await readFile(table);
  await rm(table);
  bytes[bytes.lastIndexOf(NOISE.subarray(100, 200))] = 0xff;
  await writeFile(table, bytes);

  const restored = await restoreBackup(folder.dir);

  expect(restored.backup).toEqual(before);
});

/** A folder whose database has a log, a table, and two backups. */
async function withData(): Promise<Folder> {
  const folder = await makeFolder();
  await folder.use((store) => store.commit({ puts: [row("a", NOISE), row("z", new Uint8Array(100_000))] }));
  for (let count = 0; count < 3; count++) await folder.use(async () => {});
  return folder;
}

async function fileOf({ db }: Folder, what: string): Promise<string> {
  const names = (await readdir(db)).filter((name) => name.startsWith(what) || name.endsWith(what));
  return join(db, names.sort().at(-1) ?? "");
}

async function overwrite(path: string, position: number, bytes: Uint8Array): Promise<void> {
  expect(position).toBeGreaterThan(0);
  await using file = await open(path, "r+");
  await file.write(bytes, 0, bytes.length, position);
}

async function expectCorrupt(folder: Folder): Promise<void> {
  const names = (await readdir(folder.db)).sort();
  const [newest] = await listBackups(folder.dir);

  const facts = { dir: folder.dir, backup: newest?.path };
  await expect(folder.open()).rejects.toMatchObject({ reason: "STORE_CORRUPT", kind: "internal", facts });
  await expect(folder.open()).rejects.toThrow("stigmer local reset --from-backup");

  expect((await readdir(folder.db)).sort()).toEqual(names);
  expect(await readdir(folder.dir)).not.toContain("lock");
}

async function corruptFacts(call: () => Promise<unknown>): Promise<Record<string, string>> {
  const error = await call().catch((cause: unknown) => cause);
  expect(error).toMatchObject({ reason: "STORE_CORRUPT", kind: "internal" });
  return (error as { facts: Record<string, string> }).facts;
}
