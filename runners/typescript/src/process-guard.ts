import { type ChildProcess, spawn } from "node:child_process";
import { MARK_VARIABLE } from "./strays.ts";

/** Ends the process groups of tool servers that outlive this process, however it dies, and what has left them. */
export interface ProcessGuard {
  /** The mark stands in the environment of everything that the server starts. */
  watch(group: number, mark: string): void;
  forget(group: number): void;
  /** Ends the guard; what it still watches is ended a moment later. */
  close(): void;
}

// Reads groups that come and go. Its input ends with the process that writes it: then what is left is asked to go, and killed 2 s
// later. A shell, as it is everywhere and weighs little; one look at all processes finds the strays of all servers.
const SCRIPT = `
trap '' HUP INT TERM
watched=
while read -r op one; do
  kept=
  for other in $watched; do [ "$other" = "$one" ] || kept="$kept $other"; done
  watched=$kept
  [ "$op" = + ] && watched="$watched $one"
done
[ -z "$watched" ] && exit 0
patterns=
for one in $watched; do patterns="$patterns -e ${MARK_VARIABLE}=\${one#*:}"; done
end() {
  for one in $watched; do kill -s "$1" -- "-\${one%%:*}" 2>/dev/null; done
  for file in $(grep -lF $patterns /proc/[0-9]*/environ 2>/dev/null); do
    file=\${file%/environ}
    kill -s "$1" "\${file#/proc/}" 2>/dev/null
  done
}
end TERM
sleep 2
end KILL
`;

/** A guard whose process is started when it is first needed, and again if it died. On Windows it does nothing: there are no groups. */
export function createProcessGuard(platform: NodeJS.Platform = process.platform): ProcessGuard {
  const watched = new Map<number, string>();
  let shell: ChildProcess | undefined;
  const tell = (op: "+" | "-", [group, mark]: readonly [number, string]): void =>
    void shell?.stdin?.write(`${op} ${group}:${mark}\n`);
  const start = (): void => {
    shell = startShell(() => {
      shell = undefined;
    });
    for (const one of watched) tell("+", one);
  };
  return {
    watch(group, mark) {
      if (platform === "win32") return;
      watched.set(group, mark);
      if (shell) tell("+", [group, mark]);
      else start();
    },
    forget(group) {
      const mark = watched.get(group);
      if (mark !== undefined && watched.delete(group)) tell("-", [group, mark]);
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
