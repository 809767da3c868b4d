import type { Command } from "commander";
import { countOf, type GlobalOptions, newGroup, newLocalLeaf, optionsOf } from "../command-line.ts";
import type { Deps } from "../deps.ts";
import { type LogsOptions, logs } from "./local-logs.ts";
import { type ResetOptions, reset } from "./local-reset.ts";
import { restart, type StartOptions, start, stop } from "./local-start.ts";

type Runs = {
  readonly start: (deps: Deps, options: StartOptions) => Promise<void>;
  readonly stop: (deps: Deps, options: GlobalOptions) => Promise<void>;
  readonly restart: (deps: Deps, options: StartOptions) => Promise<void>;
  readonly status: (deps: Deps, options: GlobalOptions) => Promise<void>;
  readonly logs: (deps: Deps, options: LogsOptions) => Promise<void>;
  readonly reset: (deps: Deps, options: ResetOptions) => Promise<void>;
};

const RUNS: Runs = {
  ...{ start, stop, restart, logs, reset },
  // It reads messages, and their descriptors take as long to load as all else that a start needs.
  status: async (deps, options) => await (await import("./local-status.ts")).status(deps, options),
};

/** Commands about the daemon of this user's home; they never look at another backend. */
export function newLocalCommand(deps: Deps, run: Runs = RUNS): Command {
  return newGroup("local", "Starts, stops and looks at the local daemon.", [
    newLocalLeaf("start", "Starts the daemon and waits until it answers.")
      .option("--port <port>", "port to listen on, instead of the setting `port`; 0 takes a free one")
      .action((_, command: Command) => run.start(deps, optionsOf<StartOptions>(command))),
    newLocalLeaf("stop", "Stops the daemon and waits until it is gone.").action((_, command: Command) =>
      run.stop(deps, optionsOf<GlobalOptions>(command)),
    ),
    newLocalLeaf("restart", "Stops the daemon and starts it again.")
      .option("--port <port>", "port to listen on, instead of the setting `port`; 0 takes a free one")
      .action((_, command: Command) => run.restart(deps, optionsOf<StartOptions>(command))),
    newLocalLeaf("status", "Says whether the daemon runs, where, and with which runners.").action(
      (_, command: Command) => run.status(deps, optionsOf<GlobalOptions>(command)),
    ),
    newLocalLeaf("logs", "Shows the daemon's log.")
      .option("-f, --follow", "go on showing what comes, until Ctrl-C")
      .option("-n, --lines <n>", "so many of the newest lines; 100 unless told", countOf)
      .action((_, command: Command) => run.logs(deps, optionsOf<LogsOptions>(command))),
    newLocalLeaf("reset", "Removes the daemon's data, or goes back to its newest backup.")
      .option("-y, --yes", "do not ask")
      .option("--from-backup", "put the newest backup in the data's place")
      .action((_, command: Command) => run.reset(deps, optionsOf<ResetOptions>(command))),
  ]);
}
