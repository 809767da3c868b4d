import { chmod, chown, mkdir, readdir, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { silentLog, systemClock } from "@stigmer/base";
import { MemoryLevel } from "memory-level";
import { describe, expect, it } from "vitest";
import { firstLine, idsIn, makeFolder, row, spawnStore } from "./folder.suite.ts";
import { SCHEMA_KEY } from "./keys.ts";
import { SCHEMA } from "./migrate.ts";
import { openLevelStore } from "./open.ts";
import { encodeCount } from "./record-codec.ts";
import { storeOver } from "./store-over.ts";

const deps = { clock: systemClock, log: silentLog };
const NOBODY = 65_534;

describe("the data folder", () => {
  it("is made for its user alone", async () => {
    await using folder = await makeFolder();
    const dir = join(folder.dir, "deep", "inside");

    await using _ = await openLevelStore({ dir, ...deps });

    expect((await stat(dir)).mode & 0o777).toBe(0o700);
    expect((await stat(join(dir, "db"))).mode & 0o777).toBe(0o700);
  });

  it("is closed to others where it was open to them", async () => {
    await using folder = await makeFolder();
    await chmod(folder.dir, 0o755);

    await using _ = await folder.open();

    expect((await stat(folder.dir)).mode & 0o777).toBe(0o700);
  });

  it("may not be a file, nor inside one", async () => {
    await using folder = await makeFolder();
    const file = join(folder.dir, "file");
    await writeFile(file, "");

    for (const dir of [file, join(file, "inside")]) {
      const opening = openLevelStore({ dir, ...deps });
      const facts = { dir, code: "ENOTDIR" };
      await expect(opening).rejects.toMatchObject({ reason: "STORE_UNWRITABLE", kind: "precondition", facts });
    }
  });

  const asRoot = it.runIf(process.getuid?.() === 0);

  asRoot("is refused where it can't be written (needs root, to be somebody else)", async () => {
    await using folder = await makeFolder();
    const dir = join(folder.dir, "readable");
    await mkdir(dir);
    await chmod(folder.dir, 0o755);
    await chmod(dir, 0o555);

    await using other = spawnStore(dir, "open", { uid: NOBODY, gid: NOBODY });

    expect(await firstLine(other)).toMatchObject({ reason: "STORE_UNWRITABLE", facts: { dir, code: "EACCES" } });
    expect(await readdir(dir)).toEqual([]);
  });

  asRoot("is refused where the database in it can't be written (needs root, to be somebody else)", async () => {
    await using folder = await makeFolder();
    await folder.use((store) => store.commit({ puts: [row("a")] }));
    await chown(folder.dir, NOBODY, NOBODY);

    await using other = spawnStore(folder.dir, "open", { uid: NOBODY, gid: NOBODY });

    expect(await firstLine(other)).toMatchObject({ reason: "STORE_UNWRITABLE", facts: { code: "EACCES" } });
    expect(await folder.use(idsIn)).toEqual(["a"]);
  });
});

describe("the layout", () => {
  it("is refused where a newer version wrote it, before anything is written", async () => {
    const level = new MemoryLevel<string, Uint8Array>({ keyEncoding: "utf8", valueEncoding: "view" });
    await level.put(SCHEMA_KEY, encodeCount(SCHEMA + 1));

    const opening = storeOver(level, deps);

    const facts = { found: `${SCHEMA + 1}`, newest: `${SCHEMA}` };
    await expect(opening).rejects.toMatchObject({ reason: "STORE_SCHEMA_UNKNOWN", kind: "precondition", facts });
    await level.open();
    expect(await level.keys().all()).toEqual([SCHEMA_KEY]);
  });

  it("is refused where its version or revision is missing", async () => {
    const level = new MemoryLevel<string, Uint8Array>({ keyEncoding: "utf8", valueEncoding: "view" });
    await level.put("m\0other", new Uint8Array());
    await expect(storeOver(level, deps)).rejects.toMatchObject({ reason: "STORE_CORRUPT" });

    await level.open();
    await level.put(SCHEMA_KEY, encodeCount(SCHEMA));
    await expect(storeOver(level, deps)).rejects.toMatchObject({ reason: "STORE_CORRUPT" });
  });
});
