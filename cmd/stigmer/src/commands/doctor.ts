import type { Command } from "commander";
import { homeOf } from "../backend/home.ts";
import type { RunningDaemon } from "../backend/local-daemon.ts";
import { type GlobalOptions, newLocalLeaf, optionsOf } from "../command-line.ts";
import type { Deps } from "../deps.ts";
import { checkDaemon, checkRunner, checkStore } from "../doctor/daemon.ts";
import { broken, type Finding, found, ok } from "../doctor/finding.ts";
import { checkConfig, checkDisk, checkHome, checkNode } from "../doctor/machine.ts";
import { checkModel } from "../doctor/model.ts";
import { checkSecrets } from "../doctor/secrets.ts";
import { checkServers } from "../doctor/servers.ts";
import { explain } from "../explain.ts";
import { EXIT, Failure } from "../failure.ts";
import { formatOf } from "../output/format.ts";
import { type Paint, paintFor } from "../output/paint.ts";
import { printJson } from "../output/print-json.ts";
import { printableLine } from "../output/printable.ts";
import { formatDelimited } from "../output/table.ts";

export type DoctorOptions = GlobalOptions & { readonly servers?: boolean; readonly askModel?: boolean };

export function newDoctorCommand(deps: Deps, run = doctor): Command {
  return newLocalLeaf("doctor", "Says of this machine what works, what does not, and the command that fixes it.")
    .option("--servers", "start each MCP server once")
    .option("--ask-model", "ask the default model for a word, which may cost a little")
    .action((_, command: Command) => run(deps, optionsOf<DoctorOptions>(command)));
}

/** Checks the machine and this home's daemon, and starts nothing; ends badly where something is broken. */
export async function doctor(deps: Deps, options: DoctorOptions): Promise<void> {
  const format = formatOf(options.output, { isTTY: deps.stdout.isTTY, allowed: ["table", "json", "yaml"] });
  const findings = await examine(deps, options);
  if (format === "json" || format === "yaml") await printJson(deps, { healthy: isHealthy(findings), findings }, format);
  else if (format === "delimited") await deps.stdout.write(findings.map(delimited).join(""));
  else await deps.stdout.write(findings.map((finding) => lineOf(finding, paintFor(deps.stdout, deps.env))).join(""));
  if (!isHealthy(findings)) throw new Failure(EXIT.failed, "", "");
}

async function examine(deps: Deps, options: DoctorOptions): Promise<readonly Finding[]> {
  const home = homeOf(deps);
  const machine = [
    ...(await found("node", () => checkNode(deps))),
    ...(await found("home", () => checkHome(home))),
    ...(await found("disk", () => checkDisk(home, deps.userHome))),
    ...(await found("config", () => checkConfig(home))),
  ];
  const { running, finding } = await checkDaemon(deps).catch((error: unknown) => {
    const { message, next } = explain(error);
    return { running: undefined, finding: broken("daemon", message, next) };
  });
  try {
    const beyond = running ? await examineDaemon(deps, running, options) : [];
    const model = { home, client: running?.client, ask: options.askModel === true };
    return [...machine, finding, ...beyond, ...(await found("model", () => checkModel(deps, model)))];
  } finally {
    running?.client.close();
  }
}

async function examineDaemon(deps: Deps, running: RunningDaemon, options: DoctorOptions): Promise<readonly Finding[]> {
  const { client } = running;
  return [
    ...(await found("store", () => checkStore(deps, running))),
    ...(await found("secrets", () => checkSecrets(deps, client))),
    ...(await found("runner", () => checkRunner(deps, client))),
    ...(options.servers
      ? await found("mcp", () => checkServers(deps, client))
      : [ok("mcp", "not started; stigmer doctor --servers tries them")]),
  ];
}

function isHealthy(findings: readonly Finding[]): boolean {
  return !findings.some(({ state }) => state === "broken");
}

function delimited({ check, state, message, fix }: Finding): string {
  return formatDelimited([check, state, message, fix]);
}

const WIDTH = 10;

function lineOf({ check, state, message, fix }: Finding, paint: Paint): string {
  const mark = { ok: paint.green("ok      "), warning: paint.yellow("warning "), broken: paint.red("broken  ") }[state];
  const line = `${mark} ${check.padEnd(WIDTH)}${printableLine(message)}\n`;
  return fix ? `${line}${" ".repeat(9 + WIDTH)}${paint.dim("→")} ${printableLine(fix)}\n` : line;
}
