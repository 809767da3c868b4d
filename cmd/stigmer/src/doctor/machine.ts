import { access, constants, readdir, stat, statfs } from "node:fs/promises";
import { join } from "node:path";
import type { Home } from "../backend/home.ts";
import { allSettings, readConfig } from "../config/file.ts";
import { keyOf } from "../config/keys.ts";
import type { Deps } from "../deps.ts";
import { Failure } from "../failure.ts";
import { broken, type Finding, ok, warning } from "./finding.ts";

const MIN_NODE = 22;
const OTHERS = 0o077;
const [MIB, GIB] = [1024 ** 2, 1024 ** 3];
const [LITTLE_SPACE, NO_SPACE] = [GIB, 100 * MIB];

export function checkNode({ nodeVersion }: Pick<Deps, "nodeVersion">): Finding {
  const major = Number(nodeVersion.split(".")[0]);
  if (major >= MIN_NODE) return ok("node", nodeVersion);
  return broken("node", `${nodeVersion} is too old`, `install Node.js ${MIN_NODE}.12 or newer, or use make install`);
}

/** The home folder and all that may hold secrets below it must be their owner's alone. */
export async function checkHome({ root, data, config }: Home): Promise<Finding> {
  const info = await stat(root).catch(missing);
  if (!info) return ok("home", `${root} (made when it is needed)`);
  if (!info.isDirectory()) return broken("home", `${root} is no folder`, `move it away: mv ${root} ${root}.old`);
  if (!(await canWrite(root))) return broken("home", `${root} can't be written to`, `chmod u+rwx ${root}`);
  const keys = (await readdir(join(root, "keys")).catch(() => [])).map((name) => join(root, "keys", name));
  for (const path of [...keys, config, data]) {
    if (await isOpenToOthers(path)) return broken("home", `others may read ${path}`, `chmod go-rwx ${path}`);
  }
  if (await isOpenToOthers(root)) return warning("home", `others may look into ${root}`, `chmod go-rwx ${root}`);
  return ok("home", root);
}

/** The daemon writes where the data is, and refuses commands before the disk is full. */
export async function checkDisk({ root }: Home, parent: string): Promise<Finding> {
  const { bavail, bsize } = await statfs(root).catch(() => statfs(parent));
  const free = bavail * bsize;
  const text = free >= GIB ? `${Math.floor(free / GIB)} GiB free` : `${Math.floor(free / MIB)} MiB free`;
  const fix = `free some space on the disk of ${root}`;
  if (free < NO_SPACE) return broken("disk", text, fix);
  return free < LITTLE_SPACE ? warning("disk", text, fix) : ok("disk", text);
}

/** Every setting must be one, and have a value that it can have. */
export async function checkConfig({ config }: Home): Promise<Finding> {
  const settings = allSettings(await readConfig(config));
  const fix = `correct it: stigmer config set <key> <value>, or in ${config}`;
  for (const [key, value] of settings) {
    // Prices and limits have keys of their own making, which the daemon checks.
    if (/^(prices|limits)\./.test(key)) continue;
    try {
      keyOf(key).parse(String(value));
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      const isUnknown = error.message.startsWith("unknown setting");
      if (isUnknown) return broken("config", `${config}: ${error.message}`, `${error.next}; remove it from ${config}`);
      return broken("config", `${config}: ${key}: ${error.message}`, fix);
    }
  }
  return ok("config", settings.length > 0 ? `${config}, ${settings.length} set` : "nothing is set");
}

async function canWrite(path: string): Promise<boolean> {
  return await access(path, constants.R_OK | constants.W_OK | constants.X_OK).then(
    () => true,
    () => false,
  );
}

async function isOpenToOthers(path: string): Promise<boolean> {
  if (process.platform === "win32") return false;
  const info = await stat(path).catch(missing);
  return info !== undefined && (info.mode & OTHERS) !== 0;
}

function missing(error: NodeJS.ErrnoException): undefined {
  if (error.code === "ENOENT" || error.code === "ENOTDIR") return undefined;
  throw error;
}
