import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Findings } from "./findings.ts";
import { table } from "./reference/markdown-text.ts";

/** What the code that enforces it says: each phase, and what each command does there. */
type LifeCycle = {
  readonly commands: readonly string[];
  readonly phases: readonly { readonly phase: string; readonly effects: readonly string[] }[];
};

const GUIDE = "docs/guide/executions.md";
const BEGIN = "<!-- life cycle: written by make gen-docs -->";
const END = "<!-- /life cycle -->";

/** How a cell says what is no phase. */
const WORDS: Readonly<Record<string, string>> = { same: "=", no: "–", new: "new", back: "goes on" };

/** The life cycle as Markdown, from `packages/execution`. */
export async function lifeCycleTable(root: string): Promise<string> {
  const { commands, phases } = await readLifeCycle(root);
  const rows = phases.map(({ phase, effects }) => [
    `\`${phase}\``,
    ...effects.map((effect) => WORDS[effect] ?? (effect === phase ? "stays" : `\`${effect}\``)),
  ]);
  return table(["phase", ...commands.map((command) => `\`${command}\``)], rows);
}

/** Puts the table between its marks in the guide. */
export async function writeLifeCycle(root: string): Promise<Findings> {
  const { path, next } = await plan(root);
  await writeFile(path, next);
  return { findings: [], looked: "the life cycle written" };
}

/** Compares the guide with what would be written, and writes nothing. */
export async function checkLifeCycle(root: string): Promise<Findings> {
  const { text, next } = await plan(root);
  const findings = text === next ? [] : [`${GUIDE}: the life cycle is not up to date; make gen-docs`];
  return { findings, looked: "the life cycle" };
}

async function plan(root: string): Promise<{ readonly path: string; readonly text: string; readonly next: string }> {
  const path = join(root, GUIDE);
  const text = await readFile(path, "utf8");
  const [before, rest = ""] = text.split(BEGIN);
  const after = rest.split(END)[1];
  if (after === undefined) throw new Error(`${GUIDE} has no place for the life cycle: ${BEGIN} … ${END}`);
  return { path, text, next: `${before}${BEGIN}\n\n${await lifeCycleTable(root)}\n\n${END}${after}` };
}

/** Tools import no package, so the package is asked in a process of its own. */
const ASK = `
const names = ["@stigmer/contracts/agentic", "@stigmer/execution"];
const [{ ExecutionPhase }, { COMMANDS, LIFE_CYCLE }] = await Promise.all(names.map((name) => import(name)));
const nameOf = (effect) => (typeof effect === "number" ? ExecutionPhase[effect] : effect);
const phases = [...LIFE_CYCLE].map(([phase, row]) => ({
  phase: nameOf(phase),
  effects: COMMANDS.map((command) => nameOf(row[command])),
}));
process.stdout.write(JSON.stringify({ commands: COMMANDS, phases }));
`;

async function readLifeCycle(root: string): Promise<LifeCycle> {
  const args = ["--input-type=module", "--eval", ASK];
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: join(root, "packages/execution") });
  return JSON.parse(stdout);
}
