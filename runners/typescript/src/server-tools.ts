import type { Client, Tool } from "@modelcontextprotocol/client";
import type { ToolListing } from "@stigmer/sdk";
import { type OfferedTool, offeredTools } from "./offered-tools.ts";
import { listingOf, readTools, type ToolListOptions } from "./tool-list.ts";

/** The tools of one server, its own and those that stand for its resources and prompts. */
export type KnownTools = {
  readonly listings: readonly ToolListing[];
  readonly own: ReadonlyMap<string, Tool>;
  readonly offered: ReadonlyMap<string, OfferedTool>;
};

export interface ServerTools {
  /** Asks the server. */
  list(timeoutMs: number): Promise<KnownTools>;
  /** As it last listed them; asked where it has not, or has said that they changed. */
  known(timeoutMs: number): Promise<KnownTools>;
  /** What is known of them is not to be believed any more. */
  forget(): void;
}

const MOST_TOOLS = 1_024;

export type ServerToolsOptions = Pick<ToolListOptions, "onLeftOut"> & {
  /** Hides secrets in what the server says of its tools. */
  readonly mask: (text: string) => string;
};

export function createServerTools(client: Client, options: ServerToolsOptions): ServerTools {
  let last: Promise<KnownTools> | undefined;
  const list = (timeoutMs: number): Promise<KnownTools> => {
    const listed = read(client, { ...options, timeoutMs });
    last = listed;
    listed.catch(() => {
      if (last === listed) last = undefined;
    });
    return listed;
  };
  return {
    list,
    known: (timeoutMs) => last ?? list(timeoutMs),
    forget: () => {
      last = undefined;
    },
  };
}

async function read(client: Client, options: ToolListOptions & ServerToolsOptions): Promise<KnownTools> {
  const tools = await readTools(client, options);
  const own = new Map(tools.map((tool) => [tool.name, tool]));
  const added = offeredTools(client.getServerCapabilities()).filter(({ listing }) => !own.has(listing.tool));
  const offered = new Map(added.slice(0, MOST_TOOLS - own.size).map((tool) => [tool.listing.tool, tool]));
  const listings = [...tools.map(listingOf), ...[...offered.values()].map(({ listing }) => listing)];
  return { own, offered, listings: listings.map((listing) => maskedListing(listing, options.mask)) };
}

/** What is told of a tool, which is also what it is told from by: both are without secrets. */
function maskedListing(listing: ToolListing, mask: (text: string) => string): ToolListing {
  const { description, inputSchema, annotations } = listing;
  const texts = { description: mask(description), inputSchema: mask(inputSchema), annotations: mask(annotations) };
  return { ...listing, ...texts };
}
