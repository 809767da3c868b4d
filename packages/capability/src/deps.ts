import type { LiveSteps, StartDeps, Steps } from "@stigmer/execution";
import type { Pipeline } from "@stigmer/resource";
import type { Listings } from "./listings.ts";
import type { ServerLogs } from "./server-logs.ts";
import type { SignIns } from "./sign-ins.ts";

/** What tool calls are made with; sub-agents are started with it too. */
export type CapabilityDeps = StartDeps & {
  readonly steps: Steps;
  readonly live: LiveSteps;
  readonly pipeline: Pipeline;
  readonly listings: Listings;
  readonly serverLogs: ServerLogs;
  readonly signIns: SignIns;
  /** Until when, in monotonic milliseconds, runners may still be on their way back after a start. */
  readonly returnBy: number;
};
