import { cp, glob, mkdir, readdir, readFile, readlink, rename, rm, rmdir, symlink } from "node:fs/promises";
import { homedir } from "node:os";
import { delimiter, dirname, join, resolve } from "node:path";

/** The pinned Node, of which an installation takes a copy. */
const NODE = ".tools/node_modules/node";
const RELEASE = /^\d+\.\d+\.\d+-[0-9a-z]+$/;

export type Installation = { readonly command: string; readonly release: string };

/**
 * Installs what `make build` built below `prefix`: a release of its own in `lib/stigmer`, with its own Node, and the
 * link `bin/stigmer` to it, which changes at once. The release before stays until the next installation, as a daemon may
 * run from it. Refuses to replace a `bin/stigmer` that is not such a link.
 */
export async function install(root: string, prefix: string): Promise<Installation> {
  const { version }: { readonly version: string } = JSON.parse(await readFile(join(root, "package.json"), "utf8"));
  const former = await installedRelease(prefix);
  const release = `${version}-${Date.now().toString(36)}`;
  const releases = join(prefix, "lib/stigmer");
  const part = join(releases, `.${release}`);
  await rm(part, { recursive: true, force: true });
  await copyRelease(root, part);
  await rename(part, join(releases, release));
  await link(prefix, release);
  const others = (await readdir(releases)).filter((name) => isRelease(name) && name !== release && name !== former);
  await removeAll(releases, others);
  return { command: join(prefix, "bin/stigmer"), release };
}

/** Removes what `install` put below `prefix`, and nothing else; data in `~/.stigmer` stays. Says whether it was there. */
export async function uninstall(prefix: string): Promise<boolean> {
  const there = (await installedRelease(prefix)) !== undefined;
  const releases = join(prefix, "lib/stigmer");
  if (there) await rm(join(prefix, "bin/stigmer"));
  const names = await readdir(releases).catch(() => []);
  await removeAll(releases, names.filter(isRelease));
  await rmdir(releases).catch(() => undefined); // somebody else's files, or none
  return there;
}

/** The release that `bin/stigmer` leads to; fails where it is something else's. */
async function installedRelease(prefix: string): Promise<string | undefined> {
  const path = join(prefix, "bin/stigmer");
  const target = await readlink(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT" || error.code === "ENOTDIR") return undefined;
    throw new Error(`${path} was not installed by make install; move it away`, { cause: error });
  });
  if (target === undefined) return undefined;
  const release = /^\.\.\/lib\/stigmer\/([^/]+)\/bin\/stigmer$/.exec(target)?.[1];
  if (release === undefined) throw new Error(`${path} leads to ${target}, not to an installation; move it away`);
  return release;
}

async function copyRelease(root: string, to: string): Promise<void> {
  await mkdir(join(to, "bin"), { recursive: true });
  await cp(join(root, "dist/lib"), join(to, "lib"), { recursive: true, filter: (file) => !file.endsWith(".map") });
  await cp(join(root, "dist/bin/stigmer"), join(to, "bin/stigmer"));
  await cp(join(root, NODE, "bin/node"), join(to, "bin/node"), { dereference: true });
  await cp(await nodeLicence(root), join(to, "lib/NODE-LICENSE.txt"));
}

/** It lies in the package with the binary for this machine. */
async function nodeLicence(root: string): Promise<string> {
  const cwd = join(root, NODE);
  for await (const file of glob("node_modules/node-*/LICENSE", { cwd })) return join(cwd, file);
  throw new Error(`${NODE} holds no licence of Node`);
}

async function link(prefix: string, release: string): Promise<void> {
  const next = join(prefix, `bin/.stigmer-${release}`);
  await mkdir(join(prefix, "bin"), { recursive: true });
  await symlink(`../lib/stigmer/${release}/bin/stigmer`, next);
  await rename(next, join(prefix, "bin/stigmer"));
}

/** Our own releases, and what an installation that was cut short left. */
function isRelease(name: string): boolean {
  return RELEASE.test(name.replace(/^\./, ""));
}

async function removeAll(dir: string, names: readonly string[]): Promise<void> {
  await Promise.all(names.map((name) => rm(join(dir, name), { recursive: true, force: true })));
}

async function main([verb, given = ""]: readonly string[]): Promise<number> {
  const prefix = resolve(given.replace(/^~(?=\/|$)/, homedir()));
  try {
    if (given === "" || (verb !== "install" && verb !== "uninstall"))
      throw new Error("usage: install|uninstall <prefix>");
    if (verb === "install") {
      const { command, release } = await install(join(import.meta.dirname, ".."), prefix);
      console.log(`installed stigmer ${release}: ${command}`);
      const bin = dirname(command);
      const onPath = process.env.PATH?.split(delimiter).includes(bin);
      if (!onPath) console.log(`${bin} is not on your PATH; add it: export PATH="${bin}:$PATH"`);
    } else console.log((await uninstall(prefix)) ? `removed stigmer from ${prefix}` : `no stigmer in ${prefix}`);
    return 0;
  } catch (cause) {
    console.error(`error: ${cause instanceof Error ? cause.message : String(cause)}`);
    return 1;
  }
}

if (import.meta.main) process.exitCode = await main(process.argv.slice(2));
