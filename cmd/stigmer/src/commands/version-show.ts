import { unavailable } from "@stigmer/base";
import { lookForDaemon } from "../backend/local-daemon.ts";
import { namedUrl } from "../backend/open-backend.ts";
import { probe } from "../backend/probe.ts";
import type { GlobalOptions } from "../command-line.ts";
import type { Deps } from "../deps.ts";
import { formatOf } from "../output/format.ts";
import { printableLine } from "../output/printable.ts";

/** Writes both versions. A backend that was named must answer; a local daemon may be absent. */
export async function version(deps: Deps, options: GlobalOptions): Promise<void> {
  const format = formatOf(options.output, { isTTY: deps.stdout.isTTY, allowed: ["table", "json", "yaml"] });
  const server = await serverOf(deps, options);
  if (format === "json" || format === "yaml") {
    const { printJson } = await import("../output/print-json.ts");
    return await printJson(deps, { client: { version: deps.version }, server: server ?? null }, format);
  }
  await deps.stdout.write(`stigmer ${deps.version}\n`);
  if (server)
    await deps.stdout.write(`${printableLine(`${server.implementation} ${server.version} at ${server.url}`)}\n`);
}

type Server = { readonly implementation: string; readonly version: string; readonly url: string };

async function serverOf(deps: Deps, options: GlobalOptions): Promise<Server | undefined> {
  const url = await namedUrl(deps, options);
  const answer = url === undefined ? (await lookForDaemon(deps)).running : await probe(deps, url);
  if (!answer && url !== undefined) {
    throw unavailable("BACKEND_UNREACHABLE", { url }, { message: `nothing answers at ${url}` });
  }
  if (!answer) return undefined;
  answer.client.close();
  const { implementation, version } = answer.info;
  return { implementation, version, url: answer.client.url };
}
