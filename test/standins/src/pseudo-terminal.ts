import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { createTerminal, type Terminal, type TerminalSize } from "./terminal.ts";

/** A program that believes that a person sits at its terminal. */
export interface PseudoTerminal extends AsyncDisposable {
  readonly screen: Terminal;
  /** What the person types; Enter is `\r`. */
  type(text: string): void;
  /** Resolves when the screen shows this below all that was there at the last call; throws where it does not in time. */
  shows(what: string | RegExp): Promise<void>;
  /** Resolves to the program's exit code when it has ended. */
  ended(): Promise<number>;
}

export type PseudoTerminalOptions = TerminalSize & {
  readonly command: readonly string[];
  readonly cwd: string;
  /** The whole environment. */
  readonly env: Readonly<Record<string, string>>;
  readonly limitMs?: number;
};

const LIMIT_MS = 60_000;

/** Opens a terminal, starts a program in it as the leader of a session, and copies both ways until it ends. */
const DRIVER = `
import fcntl, os, select, struct, sys, termios
columns, rows, command = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
ours, theirs = os.openpty()
fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
child = os.fork()
if child == 0:
    os.setsid()
    fcntl.ioctl(theirs, termios.TIOCSCTTY, 0)
    for stream in (0, 1, 2):
        os.dup2(theirs, stream)
    os.closerange(3, 256)
    os.execvp(command[0], command)
os.close(theirs)
waiting = [ours, 0]
while True:
    for ready in select.select(waiting, [], [])[0]:
        try:
            data = os.read(ready, 65536)
        except OSError:
            data = b""
        if ready == ours:
            if not data:
                _, status = os.waitpid(child, 0)
                sys.exit(os.waitstatus_to_exitcode(status) & 255)
            os.write(1, data)
        elif data:
            os.write(ours, data)
        else:
            waiting.remove(0)
            os.close(ours)
            os.kill(child, 1)
            sys.exit(129)
`;

/** Whether this machine can open one: it takes Python 3, as Node can't without native code. */
export function hasPseudoTerminals(): boolean {
  if (process.platform === "win32") return false;
  return (
    spawnSync("python3", ["-c", "import os, termios; os.openpty()"], { stdio: "ignore", timeout: 10_000 }).status === 0
  );
}

export function openPseudoTerminal(options: PseudoTerminalOptions): PseudoTerminal {
  const { command, cwd, env, columns, rows, limitMs = LIMIT_MS } = options;
  const child = spawn("python3", ["-c", DRIVER, String(columns), String(rows), ...command], {
    ...{ cwd, env, stdio: ["pipe", "pipe", "inherit"] as const },
  });
  const screen = createTerminal({ columns, rows });
  const decoder = new TextDecoder();
  let changed = Promise.withResolvers<void>();
  const isOver = (): boolean => child.exitCode !== null || child.signalCode !== null;
  const wake = (): void => {
    changed.resolve();
    changed = Promise.withResolvers();
  };
  child.stdout.on("data", (chunk: Buffer) => {
    screen.write(decoder.decode(chunk, { stream: true }));
    wake();
  });
  child.stdin.on("error", () => {}); // it has ended, which `ended` says
  const gone = once(child, "close").finally(wake);
  let seen = 0;
  const until = async (look: () => boolean, what: string): Promise<void> => {
    const timer = new AbortController();
    const late = new Promise<"late">((resolve) => {
      const timeout = setTimeout(resolve, limitMs, "late");
      timer.signal.addEventListener("abort", () => clearTimeout(timeout));
    });
    try {
      while (!look()) {
        if (isOver() || (await Promise.race([changed.promise, late])) === "late") {
          if (look()) return;
          throw new Error(`the terminal does not show ${what}:\n${screen.text()}`);
        }
      }
    } finally {
      timer.abort();
    }
  };
  return {
    screen,
    type: (text) => void child.stdin.write(text),
    async shows(what) {
      const find = (): number => {
        const text = screen.text();
        const from = Math.min(seen, text.length);
        const match = typeof what === "string" ? text.indexOf(what, from) : text.slice(from).search(what);
        return match < 0 ? -1 : typeof what === "string" ? match + what.length : match + from + 1;
      };
      await until(() => find() >= 0, String(what));
      seen = find();
    },
    async ended() {
      const timer = setTimeout(() => child.kill("SIGKILL"), limitMs);
      await gone;
      clearTimeout(timer);
      return child.exitCode ?? 1;
    },
    async [Symbol.asyncDispose]() {
      if (isOver()) return;
      child.stdin.end();
      const timer = setTimeout(() => child.kill("SIGKILL"), 5000);
      await gone;
      clearTimeout(timer);
    },
  };
}
