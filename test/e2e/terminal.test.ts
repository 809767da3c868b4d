import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { hasPseudoTerminals, openPseudoTerminal, type PseudoTerminal } from "@stigmer/standins/pseudo-terminal";
import { describe, expect, it, onTestFinished } from "vitest";
import { stigmer } from "./cli.ts";
import { ROOT } from "./harness.ts";

const LIMIT_MS = 120_000;
const CTRL_C = "\x03";

const TEXT =
  "# Title\n\nSome **bold** text that is long enough to be wrapped where the terminal is narrow.\n\n- one\n- two\n";
const SCRIPTS = {
  "slow.json": { turns: [{ text: "never said", delayMs: 60_000 }] },
  "fast.json": { turns: [{ text: TEXT, delayMs: 5 }] },
};

// A pseudo-terminal takes python3, which CI has.
describe.skipIf(!hasPseudoTerminals())("at a terminal", { timeout: LIMIT_MS }, () => {
  it("an answer is cancelled by Ctrl-C, and the conversation goes on; what is pasted is one message", async () => {
    const { open, run } = await scene();
    await using terminal = open("chat", "talker");
    await answer(terminal, "you ›", "/model scripted/slow.json");
    await answer(terminal, "you ›", "wait");
    await terminal.shows("scripted model");
    terminal.type(CTRL_C);
    await terminal.shows("cancelling; Ctrl-C again leaves it");
    await terminal.shows("cancelled");
    await answer(terminal, "you ›", "/model scripted/fast.json");
    await answer(terminal, "you ›", "\x1b[200~two\rlines\x1b[201~");
    await terminal.shows("• two");
    await terminal.shows("you ›");
    terminal.type(CTRL_C);
    await terminal.shows("Ctrl-C again");
    terminal.type(CTRL_C);

    expect(await terminal.ended()).toBe(0);
    expect(terminal.screen.text()).not.toContain("never said");
    const executions = JSON.parse((await run("list", "executions", "-o", "json")).stdout);
    expect(executions.items.map((one: { readonly spec: { readonly message: string } }) => one.spec.message)).toEqual([
      "wait",
      "two\nlines",
    ]);
  });

  it.each([
    [
      { NO_COLOR: "1" },
      "# Title\n\nSome **bold** text that is long enough to\nbe wrapped where the terminal is narrow.\n\n• one\n• two\n",
    ],
    [{}, "Title\n\nSome bold text that is long enough to be\nwrapped where the terminal is narrow.\n\n• one\n• two\n"],
    [{ TERM: "dumb" }, TEXT.slice(0, 20)],
  ])("an answer is laid out as %o says", async (env, text) => {
    const { open } = await scene({ env, columns: 42 });
    await using terminal = open("agent", "execute", "talker", "hi", "--model", "scripted/fast.json");

    expect(await terminal.ended()).toBe(0);
    expect(terminal.screen.text()).toContain(text);
  });
});

async function answer(terminal: PseudoTerminal, question: string, text: string): Promise<void> {
  await terminal.shows(question);
  terminal.type(`${text}\r`);
}

async function scene({
  env = {},
  columns = 100,
}: {
  readonly env?: Record<string, string>;
  readonly columns?: number;
} = {}) {
  const home = mkdtempSync(join(tmpdir(), "stigmer-terminal-"));
  mkdirSync(join(home, "scripts"));
  for (const [name, script] of Object.entries(SCRIPTS))
    writeFileSync(join(home, "scripts", name), JSON.stringify(script));
  const run = (...args: string[]) => stigmer(args, { home, env: { STIGMER_PORT: "0" } });
  onTestFinished(async () => {
    await run("local", "stop");
    rmSync(home, { recursive: true, force: true, maxRetries: 5 });
  });
  const created = await run(
    "agent",
    "create",
    "talker",
    "--instructions",
    "You talk.",
    "--model",
    "scripted/fast.json",
  );
  expect(created).toMatchObject({ code: 0 });
  const base = {
    HOME: home,
    STIGMER_HOME: home,
    STIGMER_PORT: "0",
    PATH: process.env.PATH ?? "",
    TERM: "xterm",
    LANG: "C.UTF-8",
  };
  const open = (...args: string[]) =>
    openPseudoTerminal({
      ...{ command: [join(ROOT, "dist/bin/stigmer"), ...args], cwd: home, env: { ...base, ...env } },
      ...{ columns, rows: 30 },
    });
  return { open, run };
}
