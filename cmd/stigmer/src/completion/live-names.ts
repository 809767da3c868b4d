import { OPEN } from "../approval/inbox.ts";
import { readDaemonRecord } from "../backend/daemon-record.ts";
import { homeOf } from "../backend/home.ts";
import { type BackendOptions, namedUrl } from "../backend/open-backend.ts";
import type { Deps } from "../deps.ts";
import { metadataOf } from "../kinds/columns.ts";
import type { Kind } from "../kinds/kinds.ts";
import { isId, listPages } from "../kinds/resources.ts";

const PATIENCE_MS = 800;
const MOST = 500;

/** What a person names next of a kind: what is decided is not decided again. */
const FILTERS: Readonly<Record<string, string>> = { Approval: OPEN };

/**
 * Names of a kind's resources, or their ids where an id is begun, from a backend that is there already: none is started, and a
 * slow one is not waited for.
 */
export async function liveNames(
  deps: Deps,
  options: BackendOptions,
  { kind, start }: { readonly kind: Kind; readonly start: string },
): Promise<readonly string[]> {
  const url = (await namedUrl(deps, options)) ?? readDaemonRecord(homeOf(deps).record)?.url;
  if (url === undefined || !kind.verbs.LIST) return [];
  const client = await deps.connect(url, { attempts: 1 });
  const signal = AbortSignal.any([deps.interrupt, AbortSignal.timeout(PATIENCE_MS)]);
  const wanted = isId(kind, start) ? "id" : "name";
  const selection = { filter: FILTERS[kind.kind] };
  try {
    const found: string[] = [];
    for await (const { items } of listPages(client, kind, { signal, limit: MOST, selection })) {
      found.push(...items.map((item) => metadataOf(item)[wanted]));
    }
    return found;
  } finally {
    client.close();
  }
}
