import type { LightClient } from "@stigmer/client/light";
import type { Context } from "../config/context-settings.ts";
import { contextOf } from "../config/contexts.ts";
import type { Deps } from "../deps.ts";
import { failed, misused } from "../failure.ts";
import { readDaemonRecord } from "./daemon-record.ts";
import { homeOf } from "./home.ts";
import { hanging, isOfHome, lookForDaemon, portOf } from "./local-daemon.ts";
import { probe } from "./probe.ts";
import { withOrg } from "./with-org.ts";

/** The backend that a command talks to. */
export interface Backend extends AsyncDisposable {
  client(): LightClient;
  readonly url: string;
  /** Organization that calls are made for; empty means the caller's. */
  readonly org: string;
  /** Looks again where the backend is, as a daemon that was restarted may listen elsewhere. */
  reopen(): Promise<LightClient>;
}

/** What the user may say about which backend is meant. */
export type BackendOptions = { readonly url?: string | undefined; readonly context?: string | undefined };

/**
 * Finds the backend: `--url`, `--context`, `STIGMER_URL`, the chosen context, this home's daemon, what answers on the default
 * port. Where none is named and none answers, the local daemon is started, which is said on stderr. A named backend is
 * never started.
 */
export async function openBackend(deps: Deps, options: BackendOptions): Promise<Backend> {
  const named = await namedBackend(deps, options);
  if (named) {
    const client = await deps.connect(named.url);
    return backendOver(deps, { client, org: named.org, whereNow: async () => undefined });
  }
  const client = await openLocal(deps);
  const { record } = homeOf(deps);
  return backendOver(deps, { client, org: "", whereNow: async () => readDaemonRecord(record)?.url });
}

/** The URL that the user named, if any; refuses one that no client can use. */
export async function namedUrl(deps: Deps, options: BackendOptions): Promise<string | undefined> {
  return (await namedBackend(deps, options))?.url;
}

async function namedBackend(deps: Deps, options: BackendOptions): Promise<Pick<Context, "url" | "org"> | undefined> {
  if (options.url !== undefined) return { url: urlOf(options.url, "--url"), org: "" };
  const { config } = homeOf(deps);
  const { STIGMER_URL } = deps.env;
  if (STIGMER_URL && options.context === undefined) return { url: urlOf(STIGMER_URL, "STIGMER_URL"), org: "" };
  const context = await contextOf(config, { asked: options.context, env: deps.env });
  return context && { url: urlOf(context.url, `the url of context ${context.name}`), org: context.org };
}

function urlOf(text: string, source: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url && (url.protocol === "http:" || url.protocol === "https:")) return text.replace(/\/+$/, "");
  throw misused(`${source} must be an http or https URL, not "${text}"`, "such as http://127.0.0.1:50051");
}

async function openLocal(deps: Deps): Promise<LightClient> {
  const { home, record, running, hangs } = await lookForDaemon(deps);
  if (running) return running.client;
  if (record && hangs) throw hanging(record);
  // A port of 0 lets the system choose, so nothing can be waiting there.
  const port = record ? 0 : await portOf(deps, home, undefined);
  const onPort = port ? await probe(deps, `http://127.0.0.1:${port}`) : undefined;
  if (onPort) {
    const { info, client } = onPort;
    if (info.dataDir === "" || isOfHome(info, home)) return client;
    client.close();
    throw failed(
      `port ${port} belongs to another daemon (pid ${info.pid}, data in ${info.dataDir}), not to the one of ${home.root}`,
      `use it: STIGMER_URL=http://127.0.0.1:${port}; or give this home its own port: ${setPort(deps, port + 1)}`,
    );
  }
  // Most commands find a daemon that runs.
  const { startDaemon } = await import("./start-daemon.ts");
  const { daemon, alreadyRunning } = await startDaemon(deps);
  if (!alreadyRunning) await deps.stderr.write(`started the local daemon (pid ${daemon.info.pid})\n`);
  return daemon.client;
}

/** The variable counts before the setting, so where it is set it is what must change. */
function setPort(deps: Pick<Deps, "env">, port: number): string {
  return deps.env.STIGMER_PORT ? `STIGMER_PORT=${port}` : `stigmer config set port ${port}`;
}

type Opened = {
  readonly client: LightClient;
  readonly org: string;
  readonly whereNow: () => Promise<string | undefined>;
};

function backendOver(deps: Deps, { client, org, whereNow }: Opened): Backend {
  let current = withOrg(client, org);
  return {
    client: () => current,
    org,
    get url() {
      return current.url;
    },
    async reopen() {
      const url = (await whereNow()) ?? current.url;
      if (url === current.url) return current;
      current.close();
      current = withOrg(await deps.connect(url), org);
      return current;
    },
    async [Symbol.asyncDispose]() {
      current.close();
    },
  };
}
