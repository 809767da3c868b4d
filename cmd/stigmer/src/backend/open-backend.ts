import type { Client } from "@stigmer/client";
import type { Deps } from "../deps.ts";
import { failed, misused } from "../failure.ts";
import { readDaemonRecord } from "./daemon-record.ts";
import { homeOf } from "./home.ts";
import { hanging, isOfHome, lookForDaemon, portOf } from "./local-daemon.ts";
import { probe } from "./probe.ts";
import { startDaemon } from "./start-daemon.ts";

/** The backend that a command talks to. */
export interface Backend extends AsyncDisposable {
  client(): Client;
  readonly url: string;
  /** Looks again where the backend is, as a daemon that was restarted may listen elsewhere. */
  reopen(): Promise<Client>;
}

/**
 * Finds the backend: `--url`, `STIGMER_URL`, this home's daemon, what answers on the default port. Where none is named
 * and none answers, the local daemon is started, which is said on stderr. A named backend is never started.
 */
export async function openBackend(deps: Deps, options: { readonly url?: string | undefined }): Promise<Backend> {
  const named = namedUrl(deps, options);
  if (named !== undefined) return backendOver(await deps.connect(named), async () => undefined, deps);
  const client = await openLocal(deps);
  const { record } = homeOf(deps);
  return backendOver(client, async () => (await readDaemonRecord(record))?.url, deps);
}

/** The URL that the user named, if any; refuses one that no client can use. */
export function namedUrl(deps: Pick<Deps, "env">, options: { readonly url?: string | undefined }): string | undefined {
  const [source, text] = options.url !== undefined ? ["--url", options.url] : ["STIGMER_URL", deps.env.STIGMER_URL];
  if (text === undefined || (text === "" && source === "STIGMER_URL")) return undefined;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url && (url.protocol === "http:" || url.protocol === "https:")) return text.replace(/\/+$/, "");
  throw misused(`${source} must be an http or https URL, not "${text}"`, "such as http://127.0.0.1:50051");
}

async function openLocal(deps: Deps): Promise<Client> {
  const { home, record, running, hangs } = await lookForDaemon(deps);
  if (running) return running.client;
  if (record && hangs) throw hanging(record);
  // A port of 0 lets the system choose, so nothing can be waiting there.
  const port = record ? 0 : await portOf(deps, home, undefined);
  const onPort = port ? await probe(deps, `http://127.0.0.1:${port}`) : undefined;
  if (onPort) {
    const { info, client } = onPort;
    if (info.dataDir === "" || (await isOfHome(info, home))) return client;
    client.close();
    throw failed(
      `port ${port} belongs to another daemon (pid ${info.pid}, data in ${info.dataDir}), not to the one of ${home.root}`,
      `use it: STIGMER_URL=http://127.0.0.1:${port}; or give this home its own port: ${setPort(deps, port + 1)}`,
    );
  }
  const { daemon, alreadyRunning } = await startDaemon(deps);
  if (!alreadyRunning) await deps.stderr.write(`started the local daemon (pid ${daemon.info.pid})\n`);
  return daemon.client;
}

/** The variable counts before the setting, so where it is set it is what must change. */
function setPort(deps: Pick<Deps, "env">, port: number): string {
  return deps.env.STIGMER_PORT ? `STIGMER_PORT=${port}` : `stigmer config set port ${port}`;
}

function backendOver(first: Client, whereNow: () => Promise<string | undefined>, deps: Deps): Backend {
  let current = first;
  return {
    client: () => current,
    get url() {
      return current.url;
    },
    async reopen() {
      const url = (await whereNow()) ?? current.url;
      if (url === current.url) return current;
      current.close();
      current = await deps.connect(url);
      return current;
    },
    async [Symbol.asyncDispose]() {
      current.close();
    },
  };
}
