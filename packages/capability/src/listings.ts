import { createHash } from "node:crypto";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { isFault } from "@stigmer/base";
import { type ToolDefinition, type ToolsChanged, ToolsListedSchema } from "@stigmer/contracts/agentic";
import { inTurn } from "@stigmer/execution";
import { canonicalJson, type PipelineDeps } from "@stigmer/resource";
import { definitionsOf } from "./definitions.ts";
import { noteChanges } from "./note-changes.ts";
import type { ServerStart } from "./server-start.ts";

/**
 * What servers list, kept by server, revision and values of variables, so that an execution starts no server only to list its
 * tools. It is kept anew whenever a server is started to be listed, and when a runner says that it has changed.
 */
export interface Listings {
  /** The newest listing, at most a day old; undefined where there is none. */
  find(org: string, start: ServerStart): Promise<readonly ToolDefinition[] | undefined>;
  /** What is known of a server's tools, however old. */
  newest(org: string, start: ServerStart): Promise<readonly ToolDefinition[] | undefined>;
  keep(org: string, start: ServerStart, tools: readonly ToolDefinition[]): Promise<void>;
  /** A server is used by a session: what a runner says of its tools from now on is kept for these values of variables. */
  used(org: string, start: ServerStart): void;
  changed(org: string, tools: ToolsChanged): Promise<void>;
}

const MAX_AGE_MS = 24 * 60 * 60 * 1000;
/** The same listing is not written again before it is so old. */
const REFRESH_MS = 60 * 60 * 1000;
/** Listings of one server that are kept, the newest. */
const MOST_PER_SERVER = 8;
const MOST_USED = 4_096;
const MOST_DECODED = 16;
const MAX_TRIES = 16;
const KIND = "ToolListing";

type Entry = { readonly key: string; readonly hash: string; readonly at: number };

export function createListings(deps: PipelineDeps): Listings {
  const used = new Map<string, string>();
  const decoded = new Map<string, readonly ToolDefinition[]>();
  const read = async (org: string, start: ServerStart, maxAgeMs: number) => {
    const key = keyOf(deps, start);
    const entry = (await entriesOf(deps, org, start.name)).entries.find((one) => one.key === key);
    if (!entry || deps.clock.now() - entry.at > maxAgeMs) return undefined;
    const tools = decoded.get(entry.hash) ?? (await toolsOf(deps, entry.hash));
    if (tools) remember(decoded, entry.hash, tools, MOST_DECODED);
    return tools;
  };
  // Many executions of an agent that begin at once read the same listing; their writes must not move each other's version.
  const turns = new Map<string, Promise<unknown>>();
  const keep = (org: string, { key, ...listing }: Listing): Promise<void> =>
    inTurn(turns, `${org}/${listing.name}`, async () => {
      await store(deps, { org, name: listing.name, key, tools: listing.tools });
      await noteChanges(deps, org, listing);
    });
  const listings: Listings = {
    find: (org, start) => read(org, start, MAX_AGE_MS),
    newest: (org, start) => read(org, start, Number.POSITIVE_INFINITY),
    keep: (org, start, tools) =>
      keep(org, { name: start.name, revision: start.revision, key: keyOf(deps, start), tools }),
    used: (org, start) => remember(used, placeOf(org, start), keyOf(deps, start), MOST_USED),
    async changed(org, { sessionId, name, revision, tools }) {
      const key = used.get(placeOf(org, { sessionId, name, revision }));
      if (!key) return; // of no session that used it since the backend's start: the next call says it again
      const listed = readable(deps, name, tools);
      if (listed) await keep(org, { name, revision, key, tools: listed });
    },
  };
  return listings;
}

/** A listing that nobody could use is not kept. */
function readable({ log }: PipelineDeps, server: string, tools: readonly ToolDefinition[]) {
  try {
    return definitionsOf(server, tools);
  } catch (err) {
    log.warn({ err, server }, "a tool server's listing was not kept");
    return undefined;
  }
}

/** Values of variables are in it only as a keyed digest. */
function keyOf({ keys }: PipelineDeps, { revision, variables }: ServerStart): string {
  const mac = keys.mac("sensitive-digest", `tool-listing\0${canonicalJson({ revision, variables })}`);
  return Buffer.from(mac).toString("hex");
}

function placeOf(
  org: string,
  of: { readonly sessionId: string; readonly name: string; readonly revision: string },
): string {
  return JSON.stringify([org, of.sessionId, of.name, of.revision]);
}

function remember<T>(map: Map<string, T>, key: string, value: T, most: number): void {
  map.delete(key); // to its end: the oldest is first
  map.set(key, value);
  for (const oldest of map.keys()) {
    if (map.size <= most) break;
    map.delete(oldest);
  }
}

type Stored = { readonly entries: readonly Entry[]; readonly version: number };

async function entriesOf({ store }: PipelineDeps, org: string, name: string): Promise<Stored> {
  const row = await store.get(rowKey(org, name));
  if (!row) return { entries: [], version: 0 };
  return { entries: JSON.parse(Buffer.from(row.bytes).toString()), version: row.version };
}

async function toolsOf({ store }: PipelineDeps, hash: string): Promise<readonly ToolDefinition[] | undefined> {
  const bytes = await store.blob(Buffer.from(hash, "hex"));
  return bytes && fromBinary(ToolsListedSchema, bytes).tools;
}

type Listing = {
  readonly name: string;
  readonly revision: string;
  readonly key: string;
  readonly tools: readonly ToolDefinition[];
};

type Keeping = Omit<Listing, "revision"> & { readonly org: string };

async function store(deps: PipelineDeps, { org, name, key, tools }: Keeping): Promise<void> {
  const bytes = toBinary(ToolsListedSchema, create(ToolsListedSchema, { tools: [...tools] }));
  const hash = createHash("sha256").update(bytes).digest();
  const entry = { key, hash: hash.toString("hex"), at: deps.clock.now() };
  for (let count = 1; ; count++) {
    const { entries, version } = await entriesOf(deps, org, name);
    const known = entries.find((one) => one.key === key);
    if (known?.hash === entry.hash && entry.at - known.at < REFRESH_MS && entry.at >= known.at) return;
    const others = entries.filter((one) => one.key !== key);
    const next = JSON.stringify([...others, entry].slice(-MOST_PER_SERVER));
    const row = { ...rowKey(org, name), name: "", parent: "", labels: {}, bytes: Buffer.from(next) };
    try {
      await deps.store.commit({ puts: [row], blobs: [{ hash, bytes }] }, [{ row, version }]);
      return;
    } catch (error) {
      if (!isFault(error, "VERSION_MOVED") || count === MAX_TRIES) throw error;
    }
  }
}

function rowKey(tenant: string, id: string) {
  return { tenant, kind: KIND, id };
}
