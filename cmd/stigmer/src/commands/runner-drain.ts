import { isFault } from "@stigmer/base";
import { type Runner, RunnerCommandController, RunnerQueryController, RunnerSchema } from "@stigmer/contracts/agentic";
import { type Backend, openBackend } from "../backend/open-backend.ts";
import { createReconnect } from "../backend/reconnect.ts";
import type { GlobalOptions } from "../command-line.ts";
import type { Deps } from "../deps.ts";
import { interrupted } from "../failure.ts";
import { metadataOf } from "../kinds/columns.ts";
import { kindOfMessage } from "../kinds/kinds.ts";
import { printMessage } from "../kinds/message-printer.ts";
import { nameOfKind } from "../kinds/resource-argument.ts";
import { getResource } from "../kinds/resources.ts";
import { formatOf } from "../output/format.ts";

export type DrainOptions = GlobalOptions & { readonly name: string; readonly wait?: boolean };

const PAUSE_MS = 500;

/** Drains a runner; where it is told to, ends only when that process has gone. */
export async function drain(deps: Deps, options: DrainOptions): Promise<void> {
  const format = formatOf(options.output, { isTTY: deps.stdout.isTTY, allowed: ["table", "json", "yaml", "name"] });
  await using backend = await openBackend(deps, options);
  const kind = kindOfMessage(RunnerSchema);
  const reference = { name: nameOfKind(kind, options.name), revision: "" };
  const call = { signal: deps.interrupt };
  const id = metadataOf(await getResource(backend.client(), { kind, reference }, call)).id || options.name;
  const draining = await backend.client().service(RunnerCommandController).drain({ id }, call);
  const runner = options.wait ? await gone(deps, backend, draining) : draining;
  if (format === "json" || format === "yaml") return await printMessage(deps, RunnerSchema, runner, format);
  const name = `runner/${draining.metadata?.name ?? id}`;
  await deps.stdout.write(`${name}${format === "name" ? "" : ` ${options.wait ? "drained" : "drains"}`}\n`);
}

/** The runner when its process is no longer connected: another process under its name is another one. */
async function gone(deps: Deps, backend: Backend, draining: Runner): Promise<Runner> {
  const reconnect = createReconnect(deps);
  const id = draining.metadata?.id ?? "";
  let last = draining;
  while (last.status?.connected && last.status.instance === draining.status?.instance) {
    await deps.sleep(PAUSE_MS, deps.interrupt);
    if (deps.interrupt.aborted) throw interrupted("", `it drains all the same; look: stigmer runner get ${id}`);
    try {
      last = await backend.client().service(RunnerQueryController).get({ id }, { signal: deps.interrupt });
      await reconnect.arrived();
    } catch (error) {
      if (isFault(error, "RESOURCE_NOT_FOUND")) return last;
      await reconnect.waitAfter(error);
      await backend.reopen();
    }
  }
  return last;
}
