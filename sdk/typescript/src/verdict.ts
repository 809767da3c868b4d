import { ConnectError } from "@connectrpc/connect";
import { faultIn } from "./fault.ts";

/**
 * What a failed call means for the attempt that made it.
 * - `fenced`: the lease is somebody else's; the attempt is dropped.
 * - `away`: the backend cannot answer now, and says so or is not there; asked again for as long as the lease holds.
 * - `broken`: the answer was lost on the way, or something odd happened; asked again a bounded number of times.
 * - `final`: the backend's answer.
 */
export type Verdict = "fenced" | "away" | "broken" | "final";

/** Steps are recorded, so asking again never repeats an effect; the verdict is only about whether it helps. */
export function verdictOn(error: unknown): Verdict {
  const fault = faultIn(error);
  if (!fault) return error instanceof ConnectError ? "broken" : "final";
  if (fault.reason === "LEASE_FENCED") return "fenced";
  if (fault.reason === "STORE_WRITE_FAILED") return "away";
  if (fault.kind === "unavailable") return RECORDED.has(fault.reason) ? "final" : "away";
  return fault.reason === "INTERNAL" && Object.keys(fault.facts).length === 0 ? "broken" : "final";
}

/** Whether the backend refuses the runner itself, so that connecting again is of no use. */
export function isRefusal(error: unknown): boolean {
  return REFUSALS.has(faultIn(error)?.kind ?? "");
}

/** Whether another process has the runner's name now: connecting again would take its work. */
export function isReplaced(error: unknown): boolean {
  return faultIn(error)?.reason === "RUNNER_REPLACED";
}

// The backend has tried these as often as makes sense before it says so.
const RECORDED = new Set(["PROVIDER_UNAVAILABLE", "TOOL_SERVER_FAILED"]);
const REFUSALS = new Set(["invalid", "unauthenticated", "denied", "unsupported"]);
