import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { silentLog, systemClock } from "@stigmer/base";
import { type OpenStore, storeSuite } from "@stigmer/store/testsuite";
import { MemoryLevel } from "memory-level";
import { openLevelStore } from "./open.ts";
import type { StoreLimits } from "./options.ts";
import { storeOver } from "./store-over.ts";

const deps = { clock: systemClock, log: silentLog };

/** So little that slow watches must read from disk. */
const recent = { commits: 64, bytes: 1024 * 1024 };

const openOnDisk =
  (limits: StoreLimits): OpenStore =>
  async ({ keepChanges }) => {
    const dir = await mkdtemp(join(tmpdir(), "stigmer-store-"));
    const open = () => openLevelStore({ dir, keepChanges, ...limits, ...deps });
    const store = await open();
    let newest = store;
    return {
      store,
      async reopen() {
        await newest.close();
        newest = await open();
        return newest;
      },
      async [Symbol.asyncDispose]() {
        await newest.close();
        await rm(dir, { recursive: true });
      },
    };
  };

const openInMemory: OpenStore = async ({ keepChanges }) => {
  const level = new MemoryLevel<string, Uint8Array>({ keyEncoding: "utf8", valueEncoding: "view" });
  const open = () => storeOver(level, { keepChanges, recent, ...deps });
  const store = await open();
  let newest = store;
  return {
    store,
    async reopen() {
      await newest.close();
      newest = await open();
      return newest;
    },
    [Symbol.asyncDispose]: () => newest.close(),
  };
};

storeSuite("store-leveldb on a folder", openOnDisk({}));
storeSuite("store-leveldb on a folder, with little in memory", openOnDisk({ recent }));
storeSuite("store-leveldb in memory", openInMemory);
