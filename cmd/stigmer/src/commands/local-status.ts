import type { Client } from "@stigmer/client";
import { type Runner, RunnerQueryController } from "@stigmer/contracts/agentic";
import { homeOf } from "../backend/home.ts";
import { lookForDaemon } from "../backend/local-daemon.ts";
import type { GlobalOptions } from "../command-line.ts";
import type { Deps } from "../deps.ts";
import { EXIT, Failure } from "../failure.ts";
import { formatOf } from "../output/format.ts";
import { printJson } from "../output/print-json.ts";
import { formatDelimited, formatTable } from "../output/table.ts";

const MAX_RUNNERS = 1000;

/** What is known of the local daemon; exits as unreachable where it does not run. */
export async function status(deps: Deps, options: GlobalOptions): Promise<void> {
  const format = formatOf(options.output, { isTTY: deps.stdout.isTTY, allowed: ["table", "json", "yaml"] });
  const { running } = await lookForDaemon(deps);
  const { data: dataDir } = homeOf(deps);
  if (!running) {
    if (format === "json" || format === "yaml") await printJson(deps, { running: false, dataDir }, format);
    throw new Failure(EXIT.unreachable, "the local daemon is not running", "start it: stigmer local start");
  }
  const { client, info, url } = running;
  const runners = await runnersOf(deps, client);
  client.close();
  const facts = { url, pid: info.pid, version: info.version, dataDir: info.dataDir };
  if (format === "json" || format === "yaml")
    return await printJson(deps, { running: true, ...facts, runners }, format);
  const rows = [
    ["url", url],
    ["pid", String(info.pid)],
    ["version", info.version],
    ["data", info.dataDir],
    ...runners.map(({ name, connected, build }) => [
      "runner",
      `${name} ${connected ? "connected" : "not connected"} ${build}`,
    ]),
    ...(runners.some(({ connected }) => connected) ? [] : [["runner", "none connected"]]),
  ];
  await deps.stdout.write(
    format === "table" ? formatTable(["local daemon", ""], rows) : rows.map(formatDelimited).join(""),
  );
}

type RunnerFacts = { readonly name: string; readonly connected: boolean; readonly build: string };

async function runnersOf(deps: Deps, client: Client): Promise<RunnerFacts[]> {
  const { items } = await client
    .service(RunnerQueryController)
    .list({ pageSize: MAX_RUNNERS }, { signal: deps.interrupt });
  return items.map(factsOf);
}

function factsOf({ metadata, status: seen }: Runner): RunnerFacts {
  return { name: metadata?.name ?? "", connected: seen?.connected ?? false, build: seen?.build ?? "" };
}
