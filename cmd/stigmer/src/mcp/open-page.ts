import { open } from "node:fs/promises";
import { devNull } from "node:os";
import type { Deps } from "../deps.ts";
import { printableLine } from "../output/printable.ts";

const WATCH_MS = 3_000;
const LOOK_MS = 50;

type Opening = {
  /** Aborts when nobody needs to know any more how it went. */
  readonly signal: AbortSignal;
  /** This machine's unless told. */
  readonly system?: NodeJS.Platform;
};

/**
 * Has the system open a page in the user's browser, and says so where it can't. Whoever waits for the browser is not disturbed: this
 * never throws, and waits for the opener no longer than some seconds, as one may stay for as long as the browser.
 */
export async function openPage(deps: Deps, url: string, opening: Opening): Promise<void> {
  const problem = await tryOpening(deps, url, opening).catch((error: unknown) => textOf(error));
  if (problem)
    await deps.stderr.write(`note: no browser was opened (${printableLine(problem)}); open the page yourself\n`);
}

/** The program that opens a page, and its arguments: no shell reads the URL. */
export function openerOf(url: string, system: NodeJS.Platform): readonly string[] {
  if (system === "darwin") return ["open", url];
  // `start` is a word of the shell, which would take an ampersand for its own.
  if (system === "win32") return ["rundll32.exe", "url.dll,FileProtocolHandler", url];
  return ["xdg-open", url];
}

async function tryOpening(deps: Deps, target: string, opening: Opening): Promise<string> {
  const { signal, system = process.platform } = opening;
  const url = new URL(target);
  // What a backend names is no reason to start anything but a browser.
  if (url.protocol !== "https:" && url.protocol !== "http:") return "the page is none of the web";
  // What an opener writes is not this program's output, and it may write after this program has ended.
  await using nowhere = await open(devNull, "r+");
  const command = openerOf(url.href, system);
  const child = deps.processes.detach({ command, env: deps.env, cwd: deps.cwd, logFd: nowhere.fd });
  const until = deps.clock.monotonic() + WATCH_MS;
  const isOver = (): boolean => signal.aborted || deps.clock.monotonic() >= until;
  while (child.end() === undefined && !isOver()) await deps.sleep(LOOK_MS, signal);
  const end = child.end();
  return end === undefined || end === "exit code 0" ? "" : `${command[0]}: ${end}`;
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
