import { EXIT, Failure } from "../failure.ts";
import type { LogLine } from "./daemon-log.ts";
import type { Home } from "./home.ts";
import type { ServerFacts } from "./probe.ts";

/** What is known of a daemon that ended before it answered. */
export type FailedStart = {
  readonly error: LogLine | undefined;
  readonly pid: number;
  readonly end: string;
  readonly home: Home;
  readonly port: number;
  /** The backend that answers on the wanted port, where it is another home's. */
  readonly onPort: ServerFacts | undefined;
};

/** Says why a daemon did not start, by whom what it needs is taken, and what to do. */
export function explainStart(start: FailedStart): Failure {
  const { error, end, home } = start;
  const reason = String(error?.fields.reason ?? "");
  const said = error?.message || `the local daemon ended at once (${end || "no reason given"})`;
  const { message, next } = EXPLANATIONS[reason]?.(start, said) ?? {
    message: said,
    next: `its log may say more: stigmer local logs (${home.log})`,
  };
  return new Failure(EXIT.failed, message, next);
}

type Explain = (start: FailedStart, said: string) => { readonly message: string; readonly next: string };

const EXPLANATIONS: Readonly<Record<string, Explain>> = {
  LISTEN_FAILED: ({ error, port, onPort }, said) => {
    const taken = Number(fact(error, "port")) || port;
    const other =
      onPort && `${onPort.implementation} (pid ${onPort.pid}, data in ${onPort.dataDir || "another place"})`;
    return {
      message: other ? `port ${taken} is in use by a ${other}` : said,
      next: `choose another port: stigmer local start --port ${nextPort(taken)}, or for good: stigmer config set port ${nextPort(taken)}`,
    };
  },
  STORE_LOCKED: ({ error, home, pid: own }, said) => {
    const pid = error?.pid && error.pid !== own ? String(error.pid) : "";
    const lock = fact(error, "lock");
    return {
      message: `${said}${pid && !said.includes(pid) ? ` by process ${pid}` : ""}${lock && !said.includes(lock) ? ` (lock ${lock})` : ""}`,
      next: pid
        ? `end process ${pid} if it is a daemon that hangs, or use another home: STIGMER_HOME=<folder>`
        : `another process has ${home.data} open; end it, or use another home: STIGMER_HOME=<folder>`,
    };
  },
  STORE_UNWRITABLE: ({ home }, said) => ({ message: said, next: `make ${home.data} readable and writable by you` }),
  STORE_CORRUPT: ({ error }, said) => ({
    message: said,
    next: fact(error, "backup")
      ? "go back to the newest backup: stigmer local reset --from-backup"
      : "begin anew, without the data: stigmer local reset",
  }),
  STORE_SCHEMA_UNKNOWN: (_, said) => ({ message: said, next: "install the newer version of stigmer that wrote it" }),
  STORE_WRITE_FAILED: (_, said) => ({ message: said, next: "free some space on the disk, then: stigmer local start" }),
};

function fact(error: LogLine | undefined, name: string): string {
  const value = error?.fields[name];
  return typeof value === "string" || typeof value === "number" ? String(value) : "";
}

function nextPort(port: number): number {
  return port > 0 && port < 65_535 ? port + 1 : 50_052;
}
