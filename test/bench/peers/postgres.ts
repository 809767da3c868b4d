import { execFileSync, type SpawnOptions } from "node:child_process";
import { chmodSync, chownSync, existsSync, mkdirSync, readdirSync } from "node:fs";
import { userInfo } from "node:os";
import { join } from "node:path";
import { eventually } from "@stigmer/e2e/harness";
import { findProgram, freePort, startForeign } from "../harness/programs.ts";
import { temporaryHome } from "../harness/temporary-home.ts";

export const POSTGRES_MISSING = "not on this machine: apt-get install postgresql";

/** Where Debian keeps the programs of its Postgres, which are not in PATH: a folder for each version. */
const DEBIAN = "/usr/lib/postgresql";

/**
 * Starts Postgres as it comes, on a folder and a port of its own: it syncs before it acknowledges. Undefined where it is
 * not on the machine. It refuses to run as root: then it runs as the user `postgres`, which Debian's package makes.
 */
export async function startPostgres(resources: AsyncDisposableStack): Promise<string | undefined> {
  const [server, initdb, ready] = ["postgres", "initdb", "pg_isready"].map(programOf);
  if (!server || !initdb || !ready) return undefined;
  const as = owner();
  const home = temporaryHome(resources);
  const dir = join(home, "data");
  mkdirSync(dir);
  if (as.uid !== undefined && as.gid !== undefined) {
    chmodSync(home, 0o711);
    chownSync(dir, as.uid, as.gid);
  }
  execFileSync(initdb, ["-D", dir, "-U", "bench", "--auth=trust", "-E", "UTF8", "--locale=C"], { ...as, cwd: dir });
  const port = await freePort();
  const settings = ["-c", "listen_addresses=127.0.0.1", "-c", `port=${port}`, "-c", "unix_socket_directories="];
  resources.use(startForeign(server, ["-D", dir, ...settings], { ...as, cwd: dir }));
  await eventually(() => isReady(ready, port), "Postgres to serve");
  return `postgresql://bench@127.0.0.1:${port}/postgres`;
}

function programOf(name: string): string | undefined {
  const versions = existsSync(DEBIAN) ? readdirSync(DEBIAN) : [];
  return findProgram(
    name,
    POSTGRES_MISSING,
    versions.map((version) => join(DEBIAN, version, "bin")),
  );
}

/** Who runs it: the user of this process, unless that is root. */
function owner(): Pick<SpawnOptions, "uid" | "gid"> {
  if (userInfo().uid !== 0) return {};
  const idOf = (option: string): number => Number(execFileSync("id", [option, "postgres"], { encoding: "utf8" }));
  return { uid: idOf("-u"), gid: idOf("-g") };
}

function isReady(program: string, port: number): true | undefined {
  try {
    execFileSync(program, ["-h", "127.0.0.1", "-p", `${port}`], { stdio: "ignore" });
    return true;
  } catch {
    return undefined;
  }
}
