import { RevokeCause } from "@stigmer/contracts/agentic";
import { Failure } from "./failure.ts";

/** Why an attempt's signal is aborted where its lease is over: the reason says whether the execution ended, waits, or is somebody else's. */
export function leaseOver(cause: RevokeCause = RevokeCause.UNSPECIFIED): Failure {
  switch (cause) {
    case RevokeCause.ENDED:
      return new Failure("EXECUTION_CANCELLED", "the execution was cancelled or terminated");
    case RevokeCause.PAUSED:
      return new Failure("EXECUTION_PHASE", "the execution is paused");
    default:
      return new Failure("LEASE_FENCED", "the lease is lost");
  }
}
