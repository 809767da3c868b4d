import type { ToolServers } from "@stigmer/execution";
import type { PipelineDeps } from "@stigmer/resource";
import { createListings, type Listings } from "./listings.ts";
import { createServerLogs, type ServerLogs } from "./server-logs.ts";

/** What the backend knows of tool servers beside any execution, and who takes what runners say of them. */
export type ToolServerMemory = {
  readonly listings: Listings;
  readonly serverLogs: ServerLogs;
  readonly toolServers: ToolServers;
};

export function createToolServerMemory(resources: PipelineDeps): ToolServerMemory {
  const listings = createListings(resources);
  const serverLogs = createServerLogs();
  return { listings, serverLogs, toolServers: { logged: serverLogs.add, changed: listings.changed } };
}
