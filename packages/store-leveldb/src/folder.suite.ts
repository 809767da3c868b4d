import { type ChildProcess, type SpawnOptions, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { silentLog, systemClock } from "@stigmer/base";
import type { RowContent, Store } from "@stigmer/store";
import { openLevelStore } from "./open.ts";
import type { LevelStoreOptions } from "./options.ts";

/** A folder for one test, and the store in it. */
export type Folder = AsyncDisposable & {
  readonly dir: string;
  readonly db: string;
  open(options?: Partial<LevelStoreOptions>): Promise<Store>;
  /** Opens the store, does something with it, and closes it. */
  use<T>(act: (store: Store) => Promise<T>): Promise<T>;
};

export async function makeFolder(): Promise<Folder> {
  const dir = await mkdtemp(join(tmpdir(), "stigmer-folder-"));
  const open = (options: Partial<LevelStoreOptions> = {}) =>
    openLevelStore({ dir, clock: systemClock, log: silentLog, ...options });
  return {
    dir,
    db: join(dir, "db"),
    open,
    async use(act) {
      await using store = await open();
      return await act(store);
    },
    [Symbol.asyncDispose]: () => rm(dir, { recursive: true, force: true }),
  };
}

export const AGENTS = { tenant: "t", kind: "Agent" };

export const agent = (id: string) => ({ ...AGENTS, id });

export function row(id: string, bytes: Uint8Array = new Uint8Array()): RowContent {
  return { ...agent(id), name: "", parent: "", labels: {}, bytes };
}

/** Ids of the rows that a store holds. */
export async function idsIn(store: Store): Promise<string[]> {
  return (await store.page(AGENTS, { limit: 1_000 })).rows.map(({ id }) => id);
}

/** A store in another process; see `store-child.ts`. */
export type StoreChild = AsyncDisposable & {
  readonly process: ChildProcess;
  /** The lines that it prints. */
  readonly lines: AsyncIterableIterator<Record<string, unknown>>;
  /** Kills it, without a chance to clean up. */
  kill(): Promise<void>;
};

export function spawnStore(dir: string, what: "open" | "hold" | "write", options: SpawnOptions = {}): StoreChild {
  const script = fileURLToPath(new URL("./store-child.ts", import.meta.url));
  const child = spawn(process.execPath, [script, dir, what], { ...options, stdio: ["ignore", "pipe", "inherit"] });
  const exited = once(child, "exit");
  const kill = async () => {
    child.kill("SIGKILL");
    await exited;
  };
  return { process: child, lines: linesOf(child), kill, [Symbol.asyncDispose]: kill };
}

async function* linesOf(child: ChildProcess): AsyncGenerator<Record<string, unknown>> {
  if (child.stdout === null) return;
  for await (const line of createInterface({ input: child.stdout })) yield JSON.parse(line);
}

/** The first line that a child prints. */
export async function firstLine(child: StoreChild): Promise<Record<string, unknown>> {
  const { value } = await child.lines.next();
  return value ?? {};
}
