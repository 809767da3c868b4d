import fs, { mkdtempSync, rmSync, statSync } from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { openMasterKey } from "./master-key.ts";

const { fsyncSync } = fs;
const synced = new Set<number>();
let dir: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "stigmer-key-"));
  fs.fsyncSync = (handle) => {
    synced.add(fs.fstatSync(handle).ino);
    fsyncSync(handle);
  };
  syncBuiltinESMExports();
});
afterEach(() => {
  fs.fsyncSync = fsyncSync;
  syncBuiltinESMExports();
  rmSync(dir, { recursive: true, force: true });
});

it("puts a new key on disk, and its name, before anything is sealed with it", () => {
  const file = join(dir, "master.key");

  openMasterKey(file);

  expect([file, dir].filter((path) => !synced.has(statSync(path).ino))).toEqual([]);
});
