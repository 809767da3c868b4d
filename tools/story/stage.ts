import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { delimiter, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { createNormaliser } from "./normalise.ts";
import { type Paragraph, quoted, renderStory } from "./paragraphs.ts";
import { childOf, freePort, type Played, playCommand, signalQuietly } from "./programs.ts";
import { mountSmallDisk, type SmallDisk } from "./small-disk.ts";

const ROOT = join(import.meta.dirname, "../..");
const STIGMER = join(ROOT, "dist/bin/stigmer");
const NODE = join(ROOT, ".tools/node_modules/node/bin");
const TOOLS = join(ROOT, "test/e2e/node_modules/.bin");
const PATIENCE_MS = 30_000;

export type Program = "daemon" | "runner";

/** A throw-away home, a folder to work in, the programs in it, and the text that tells what happened there. */
export interface Stage extends AsyncDisposable {
  readonly home: string;
  readonly folder: string;
  /** Absent where nobody may make one. */
  readonly disk: SmallDisk | undefined;
  chapter(title: string, text: string): void;
  tell(text: string): void;
  /** Runs a command in sight; fails where it does not exit as expected. */
  run(args: readonly string[], exit?: number): Promise<string>;
  /** Shows what a file says. */
  cat(name: string): void;
  /** Shows something that was done to the machine. */
  did(what: string): void;
  /** Runs a command out of sight; undefined where it fails. */
  ask(...args: string[]): Promise<string | undefined>;
  pidOf(program: Program): number;
  /** The process that hosts the tools. */
  toolServer(): number;
  text(): string;
}

export async function openStage(): Promise<Stage> {
  const temp = mkdtempSync(join(tmpdir(), "stigmer-story-"));
  const [home, folder] = [join(temp, "home"), join(temp, "books")];
  mkdirSync(home);
  mkdirSync(folder);
  const disk = mountSmallDisk(home);
  mkdirSync(join(home, "scripts"));
  const env = {
    ...{ HOME: temp, LANG: "C.UTF-8", STIGMER_HOME: home, STIGMER_PORT: String(await freePort()) },
    PATH: [TOOLS, NODE, "/usr/local/bin", "/usr/bin", "/bin"].join(delimiter),
  };
  const paragraphs: Paragraph[] = [];
  const normalise = createNormaliser({
    [folder]: "~/books",
    [home]: "~/.stigmer",
    [` by ${userInfo().username}`]: " by ada",
  });
  const play = (args: readonly string[]): Promise<Played> =>
    playCommand(STIGMER, args, { cwd: folder, env, output: join(temp, "output") });
  const pidOf = (program: Program): number => JSON.parse(readFileSync(join(home, `data/${program}.json`), "utf8")).pid;
  return {
    ...{ home, folder, disk, pidOf },
    chapter: (title, text) => paragraphs.push(`## ${title}`, text),
    tell: (text) => paragraphs.push(text),
    async run(args, exit = 0) {
      const { code, output } = await play(asOnTerminal(args));
      if (code !== exit) throw new Error(`stigmer ${args.join(" ")} ended with ${code}:\n${output}`);
      const lines = [`$ stigmer ${args.map(quoted).join(" ")}`, output.trimEnd(), ...(exit ? [`# exit ${exit}`] : [])];
      paragraphs.push({ console: normalise(lines.filter(Boolean).join("\n")) });
      return output;
    },
    cat: (name) =>
      paragraphs.push({ console: normalise(`$ cat ${name}\n${readFileSync(join(folder, name), "utf8").trimEnd()}`) }),
    did: (what) => paragraphs.push({ console: `# ${what}` }),
    async ask(...args) {
      const { code, output } = await play(args);
      return code === 0 ? output : undefined;
    },
    toolServer: () => childOf(pidOf("runner"), /server-filesystem/),
    text: () => renderStory(paragraphs),
    async [Symbol.asyncDispose]() {
      disk?.free();
      for (const program of ["runner", "daemon"] as const) signalQuietly(() => pidOf(program), "SIGCONT");
      spawnSync(STIGMER, ["local", "stop"], { env, stdio: "ignore" });
      disk?.[Symbol.dispose]();
      rmSync(temp, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

/** Resolves as soon as what is looked for is there. */
export async function until<T>(what: string, look: () => T | undefined | Promise<T | undefined>): Promise<T> {
  const end = performance.now() + PATIENCE_MS;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (performance.now() > end) throw new Error(`waited in vain for ${what}`);
    await sleep(20);
  }
}

const TABLES = /^(list|approval (list|show)|execution (logs|why))\b/;

/** Off a terminal, lists would be tab-separated. */
function asOnTerminal(args: readonly string[]): readonly string[] {
  return TABLES.test(args.join(" ")) ? [...args, "-o", "table"] : args;
}
