import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { openPseudoTerminal, type PseudoTerminal } from "@stigmer/standins/pseudo-terminal";
import { createNormaliser } from "./normalise.ts";
import { type Paragraph, quoted, renderStory } from "./paragraphs.ts";
import { freePort } from "./programs.ts";

const ROOT = join(import.meta.dirname, "../..");
const STIGMER = process.argv.find((word) => word.startsWith("--stigmer="))?.slice(10) ?? join(ROOT, "dist/bin/stigmer");
const NODE = join(ROOT, ".tools/node_modules/node/bin");
const TOOLS = join(ROOT, "test/e2e/node_modules/.bin");
const SIZE = { columns: 100, rows: 50 };

/** What a person does at a terminal while a command runs. */
export type Talk = (terminal: PseudoTerminal) => Promise<void>;

/** A repository, a throw-away home, a terminal, and the text that tells what was seen there. */
export interface NewcomerStage extends AsyncDisposable {
  chapter(title: string, text: string): void;
  tell(text: string): void;
  /** Runs `stigmer …` at the terminal; fails where it does not end well. */
  stigmer(args: readonly string[], talk?: Talk): Promise<void>;
  /** Runs another program there. */
  run(command: readonly string[]): Promise<void>;
  text(): string;
}

/** `ollama` is where a server answers that speaks as Ollama does. */
export async function openNewcomerStage(
  files: Readonly<Record<string, string>>,
  { ollama }: { readonly ollama: string },
): Promise<NewcomerStage> {
  const temp = mkdtempSync(join(tmpdir(), "stigmer-newcomer-"));
  const [home, folder] = [join(temp, "home"), join(temp, "greeter")];
  makeRepository(folder, files);
  const env = {
    ...{ HOME: temp, LANG: "C.UTF-8", TERM: "xterm-256color", NO_COLOR: "1", GIT_PAGER: "cat" },
    ...{ STIGMER_HOME: home, STIGMER_PORT: String(await freePort()), OLLAMA_HOST: new URL(ollama).host },
    PATH: [dirname(STIGMER), TOOLS, NODE, "/usr/local/bin", "/usr/bin", "/bin"].join(delimiter),
    STIGMER_KEYCHAIN: "off",
  };
  const paragraphs: Paragraph[] = [];
  const normalise = normaliser({ folder, home, temp, ollama });
  const play = async (command: readonly string[], shown: string, talk: Talk = async () => {}): Promise<void> => {
    await using terminal = openPseudoTerminal({ ...SIZE, command, cwd: folder, env });
    await talk(terminal);
    const code = await terminal.ended();
    if (code !== 0) throw new Error(`${shown} ended with ${code}:\n${terminal.screen.text()}`);
    paragraphs.push({ console: normalise([`$ ${shown}`, terminal.screen.text()].filter(Boolean).join("\n")) });
  };
  return {
    chapter: (title, text) => paragraphs.push(`## ${title}`, text),
    tell: (text) => paragraphs.push(text),
    stigmer: (args, talk) => play([STIGMER, ...args], ["stigmer", ...args].map(quoted).join(" "), talk),
    run: (command) => play(command, command.map(quoted).join(" ")),
    text: () => renderStory(paragraphs),
    async [Symbol.asyncDispose]() {
      spawnSync(STIGMER, ["local", "stop"], { env, stdio: "ignore", timeout: 30_000 });
      rmSync(temp, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

function makeRepository(folder: string, files: Readonly<Record<string, string>>): void {
  mkdirSync(folder);
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  const person = ["-c", "user.name=Ada", "-c", "user.email=ada@example.com"];
  const git = (...args: string[]) => execFileSync("git", args, { cwd: folder, stdio: "ignore" });
  git("init", "--initial-branch=main");
  git("add", ".");
  git(...person, "commit", "--message", "A greeter");
}

type Places = { readonly folder: string; readonly home: string; readonly temp: string; readonly ollama: string };

function normaliser({ folder, home, temp, ollama }: Places): (text: string) => string {
  const usual = createNormaliser({
    [ollama]: "http://localhost:11500",
    [folder]: "~/greeter",
    [home]: "~/.stigmer",
    [temp]: "~",
    [` by ${userInfo().username}`]: " by ada",
  });
  return (text) => REPLACED.reduce((left, [pattern, by]) => left.replaceAll(pattern, by), usual(text));
}

const REPLACED: readonly (readonly [pattern: RegExp, by: string])[] = [
  [/\b[\d.]+ s$/gm, "N s"],
  [/```diff.*…$/gm, "```diff…"],
  [/^(✓ \S+ \(N ms\) .{0,40}).*…$/gm, "$1…"], // where it is cut depends on how long it took
  [/\b\d+ GiB free/g, "N GiB free"],
  [/^ok( +)node( +)[\d.]+$/gm, "ok$1node$224.0.0"],
  [/^(connection lost; trying again|connected again)\n/gm, ""], // a machine that is busy
  [/^\d{4}-\d\d-\d\d(?=\s)/gm, "<day>"],
];
