import { realpathSync } from "node:fs";
import { join, resolve } from "node:path";
import type { Env } from "../deps.ts";

/** Where the local daemon and its user keep what is theirs. */
export type Home = {
  readonly root: string;
  readonly config: string;
  readonly data: string;
  /** Written by the daemon once it listens, removed when it ends. */
  readonly record: string;
  readonly logs: string;
  readonly log: string;
};

/** `STIGMER_HOME`, or `.stigmer` in the user's home folder. */
export function homeOf(of: { readonly env: Env; readonly userHome: string; readonly cwd: string }): Home {
  const root = of.env.STIGMER_HOME ? resolve(of.cwd, of.env.STIGMER_HOME) : join(of.userHome, ".stigmer");
  const data = join(root, "data");
  const logs = join(root, "logs");
  return {
    root,
    config: join(root, "config.yaml"),
    data,
    record: join(data, "daemon.json"),
    logs,
    log: join(logs, "daemon.log"),
  };
}

/** Whether two paths lead to the same folder; links are followed where the folders exist. */
export function samePath(a: string, b: string): boolean {
  return real(a) === real(b);
}

function real(path: string): string {
  try {
    return realpathSync.native(path);
  } catch {
    return resolve(path);
  }
}
