import type { EndPlan } from "./ending.ts";
import type { ExecutionRef, NewEvent } from "./execution-ref.ts";
import type { StartDeps } from "./start-execution.ts";
import type { ExecutionState } from "./state.ts";

/** What a command does to an execution that is there: nothing, where it says nothing new. */
export type Change = Partial<EndPlan> & { readonly events: readonly NewEvent[] };

/** Plans what a person tells an execution; throws what is wrong with it. */
export type ChangePlan<R> = (
  deps: StartDeps,
  of: { readonly ref: ExecutionRef; readonly state: ExecutionState; readonly request: R; readonly by: string },
) => Promise<Change>;
