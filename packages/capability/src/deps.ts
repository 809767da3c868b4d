import type { Clock, IdSource } from "@stigmer/base";
import type { Executions, LiveSteps, Runners, Steps } from "@stigmer/execution";
import type { Kinds } from "@stigmer/resource";
import type { Store } from "@stigmer/store";

/** What tool calls are made with. */
export type CapabilityDeps = {
  readonly store: Store;
  readonly kinds: Kinds;
  readonly executions: Executions;
  readonly steps: Steps;
  readonly live: LiveSteps;
  readonly runners: Runners;
  readonly clock: Clock;
  readonly ids: IdSource;
  /** Until when, in monotonic milliseconds, runners may still be on their way back after a start. */
  readonly returnBy: number;
};
