import type { Clock, Log } from "@stigmer/base";
import {
  createExecutions,
  createHub,
  createLeases,
  createLiveSteps,
  createRunners,
  type EndingDeps,
  failExecution,
} from "@stigmer/execution";
import type { PipelineDeps } from "@stigmer/resource";
import type { composeSecrets } from "./compose-secrets.ts";

export type EngineOptions = Pick<ReturnType<typeof composeSecrets>, "redaction" | "loopVariables"> & {
  readonly resources: PipelineDeps;
  readonly clock: Clock;
  readonly log: Log;
  readonly leaseDurationMs: number;
};

/** What executions are kept, handed out and ended with. */
export function composeEngine(options: EngineOptions) {
  const { resources, redaction, clock, log, leaseDurationMs } = options;
  const { store, kinds } = resources;
  const hub = createHub();
  const live = createLiveSteps(hub, { mask: redaction.stream });
  const runners = createRunners({ clock, quietAfterMs: leaseDurationMs });
  const executions = createExecutions({ store, kinds, clock, hub, redaction });
  const leases = createLeases({
    ...{ store, executions, runners, clock, log, durationMs: leaseDurationMs },
    variablesOf: options.loopVariables(executions),
    fail: (ref, fault) => failExecution(ending, ref, fault),
  });
  const ending = { resources, executions, leases, live, runners, hub } satisfies EndingDeps;
  return ending;
}
