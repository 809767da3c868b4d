import { once } from "node:events";
import { access, mkdir, mkdtempDisposable, readdir, readFile, symlink } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type DocBlock, readDocBlocks } from "./doc-blocks.ts";
import { closeCheck, type Findings } from "./findings.ts";
import { openShellSession, type ShellSession } from "./shell-session.ts";

const SETUP = "tools/docs-setup.sh";
const BLOCK_TIMEOUT_MS = 120_000;
const STOP_MS = 15_000;
const SYSTEM_PATH = "/usr/local/bin:/usr/bin:/bin:/opt/homebrew/bin";

/**
 * Runs the shell blocks of the README, the guide and the reference, in order, with a home and a port of their own, and
 * with what `make build` built. `tools/docs-setup.sh` is sourced first, where it is there. Stops at the first block that
 * fails, as the ones after it build on it.
 */
export async function checkDocs(root: string): Promise<Findings> {
  const { blocks, findings } = await readDocBlocks(root);
  const [run, exempt] = [blocks.filter((block) => !isExempt(block)), blocks.filter(isExempt)];
  for (const { place, exempt: reason } of exempt) console.log(`${place}: not run: ${reason}`);
  const failed = run.length === 0 || findings.length > 0 ? [] : await runBlocks(run, root);
  return { findings: [...findings, ...failed], looked: `${run.length} blocks run, ${exempt.length} exempt` };
}

function isExempt({ exempt }: DocBlock): boolean {
  return exempt !== undefined;
}

async function runBlocks(blocks: readonly DocBlock[], root: string): Promise<readonly string[]> {
  if (!(await exists(join(root, "dist/bin/stigmer")))) return ["dist/bin/stigmer is not there: make build"];
  await using temp = await mkdtempDisposable(join(tmpdir(), "stigmer-docs-"));
  const cwd = await readersClone(root, temp.path);
  const home = join(temp.path, "home");
  const stigmerHome = join(home, ".stigmer");
  await mkdir(home);
  const env = {
    HOME: home,
    LANG: "C.UTF-8",
    PATH: `${root}/dist/bin:${root}/.tools/node_modules/node/bin:${SYSTEM_PATH}`,
    STIGMER_HOME: stigmerHome,
    STIGMER_PORT: String(await freePort()),
    STIGMER_DOCS_ROOT: root,
  };
  await using session = await openShellSession({
    dir: join(temp.path, "session"),
    cwd,
    env,
    timeoutMs: BLOCK_TIMEOUT_MS,
  });
  try {
    return await runInOrder([...(await setupBlocks(root)), ...blocks], session);
  } finally {
    await stopDaemon(session, join(stigmerHome, "data"));
  }
}

/** A folder with everything that a clone has, where what a block writes beside it is gone afterwards. */
async function readersClone(root: string, temp: string): Promise<string> {
  const clone = join(temp, "stigmer");
  await mkdir(clone);
  const entries = (await readdir(root)).filter((entry) => entry !== ".git");
  await Promise.all(entries.map((entry) => symlink(join(root, entry), join(clone, entry))));
  return clone;
}

async function setupBlocks(root: string): Promise<readonly DocBlock[]> {
  const there = await exists(join(root, SETUP));
  return there ? [{ place: SETUP, code: `. "$STIGMER_DOCS_ROOT/${SETUP}"` }] : [];
}

async function runInOrder(blocks: readonly DocBlock[], session: ShellSession): Promise<readonly string[]> {
  for (const [at, { place, code }] of blocks.entries()) {
    const { ok, output } = await session.run(code);
    if (ok) continue;
    const left = blocks.length - at - 1;
    return [`${place}: failed; ${left} after it not run\n${indent(code)}\n  --\n${indent(output.trimEnd())}`];
  }
  return [];
}

function indent(text: string): string {
  return text.replaceAll(/^/gm, "  ");
}

/** Stops the daemon that a block may have started, and its runner; what does not go is ended. */
async function stopDaemon(session: ShellSession, dataDir: string): Promise<void> {
  const records = ["daemon.json", "runner.json"].map((name) => pidIn(join(dataDir, name)));
  const pids = (await Promise.all(records)).filter((pid) => pid !== undefined);
  if (pids.length === 0) return;
  await session.run("stigmer local stop");
  const until = performance.now() + STOP_MS;
  while (pids.some((pid) => signal(pid, 0)) && performance.now() < until) await sleep(50);
  for (const pid of pids) signal(pid, "SIGKILL");
}

async function pidIn(record: string): Promise<number | undefined> {
  const text = await readFile(record, "utf8").catch(() => "{}");
  const { pid }: { readonly pid?: unknown } = JSON.parse(text);
  return typeof pid === "number" && pid > 1 ? pid : undefined;
}

function signal(pid: number, name: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, name);
  } catch {
    return false;
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("no port was given");
  return address.port;
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

if (import.meta.main) await closeCheck("docs", checkDocs(join(import.meta.dirname, "..")));
