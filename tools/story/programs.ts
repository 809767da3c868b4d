import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, readFileSync } from "node:fs";
import { createServer } from "node:net";

const LIMIT_MS = 30_000;

export type Played = { readonly code: number | null; readonly output: string };
export type Setting = { readonly cwd: string; readonly env: Readonly<Record<string, string>>; readonly output: string };

/** Runs a program to its end. Both outputs go to one file, so that their lines stay in order. */
export async function playCommand(
  program: string,
  args: readonly string[],
  { cwd, env, output }: Setting,
): Promise<Played> {
  const file = openSync(output, "w");
  const child = spawn(program, args, { cwd, env, stdio: ["ignore", file, file], timeout: LIMIT_MS });
  closeSync(file);
  const [code] = await once(child, "exit");
  return { code, output: readFileSync(output, "utf8") };
}

/** The process below another whose command line is like this. */
export function childOf(parent: number, program: RegExp): number {
  const lines = execFileSync("ps", ["-A", "-o", "pid=,ppid=,args="], { encoding: "utf8" }).split("\n");
  const found = lines
    .map((line) => /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line))
    .find((line) => {
      return line !== null && Number(line[2]) === parent && program.test(line[3] ?? "");
    });
  if (!found) throw new Error(`no child of ${parent} is ${program}`);
  return Number(found[1]);
}

export function signalQuietly(pid: () => number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid(), signal);
  } catch {
    // it has ended
  }
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("no port was given");
  return address.port;
}
