import { type ChildProcess, spawn } from "node:child_process";

/** Ends the process groups of tool servers that outlive this process, however it dies. */
export interface ProcessGuard {
  watch(group: number): void;
  forget(group: number): void;
  /** Ends the guard; what it still watches is ended a moment later. */
  close(): void;
}

// Reads groups that come and go. Its input ends with the process that writes it: then what is left is asked to go, and killed 2 s
// later. A shell, as it is everywhere and weighs little.
const SCRIPT = `
trap '' HUP INT TERM
groups=
while read -r op group; do
  kept=
  for one in $groups; do [ "$one" = "$group" ] || kept="$kept $one"; done
  groups=$kept
  [ "$op" = + ] && groups="$groups $group"
done
[ -z "$groups" ] && exit 0
for one in $groups; do kill -s TERM -- "-$one" 2>/dev/null; done
sleep 2
for one in $groups; do kill -s KILL -- "-$one" 2>/dev/null; done
`;

/** A guard whose process is started when it is first needed, and again if it died. On Windows it does nothing: there are no groups. */
export function createProcessGuard(platform: NodeJS.Platform = process.platform): ProcessGuard {
  const groups = new Set<number>();
  let shell: ChildProcess | undefined;
  const tell = (op: "+" | "-", group: number): void => void shell?.stdin?.write(`${op} ${group}\n`);
  const start = (): void => {
    shell = startShell(() => {
      shell = undefined;
    });
    for (const group of groups) tell("+", group);
  };
  return {
    watch(group) {
      if (platform === "win32") return;
      groups.add(group);
      if (shell) tell("+", group);
      else start();
    },
    forget(group) {
      if (groups.delete(group)) tell("-", group);
    },
    close: () => void shell?.stdin?.end(),
  };
}

function startShell(onEnd: () => void): ChildProcess {
  // A session of its own, so that what is sent to this process and its group does not reach it.
  const shell = spawn("/bin/sh", ["-c", SCRIPT], {
    cwd: "/",
    env: { PATH: "/usr/bin:/bin" },
    detached: true,
    stdio: ["pipe", "ignore", "ignore"],
  });
  // Without it servers are not guarded; they run all the same.
  shell.on("error", onEnd);
  shell.on("exit", onEnd);
  shell.stdin?.on("error", () => {});
  shell.unref();
  if (shell.stdin && "unref" in shell.stdin) (shell.stdin as unknown as { unref(): void }).unref();
  return shell;
}
