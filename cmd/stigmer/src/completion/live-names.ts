import { readDaemonRecord } from "../backend/daemon-record.ts";
import { homeOf } from "../backend/home.ts";
import { type BackendOptions, namedUrl } from "../backend/open-backend.ts";
import type { Deps } from "../deps.ts";
import { metadataOf } from "../kinds/columns.ts";
import type { Kind } from "../kinds/kinds.ts";
import { listPages } from "../kinds/resources.ts";

const PATIENCE_MS = 800;
const MOST = 500;

/** Names of a kind's resources, from a backend that is there already: none is started, and a slow one is not waited for. */
export async function liveNames(deps: Deps, options: BackendOptions, kind: Kind): Promise<readonly string[]> {
  const url = (await namedUrl(deps, options)) ?? readDaemonRecord(homeOf(deps).record)?.url;
  if (url === undefined || !kind.verbs.LIST) return [];
  const client = await deps.connect(url, { attempts: 1 });
  const signal = AbortSignal.any([deps.interrupt, AbortSignal.timeout(PATIENCE_MS)]);
  try {
    const found: string[] = [];
    for await (const { items } of listPages(client, kind, { signal, limit: MOST })) {
      found.push(...items.map((item) => metadataOf(item).name));
    }
    return found;
  } finally {
    client.close();
  }
}
