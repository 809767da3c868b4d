import type { LiveSteps, StartDeps, Steps } from "@stigmer/execution";

/** What tool calls are made with; sub-agents are started with it too. */
export type CapabilityDeps = StartDeps & {
  readonly steps: Steps;
  readonly live: LiveSteps;
  /** Until when, in monotonic milliseconds, runners may still be on their way back after a start. */
  readonly returnBy: number;
};
