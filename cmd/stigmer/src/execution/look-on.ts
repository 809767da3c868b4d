import { ExecutionPhase as Phase } from "@stigmer/contracts/agentic";
import type { Backend } from "../backend/open-backend.ts";
import type { Deps } from "../deps.ts";
import { paintFor } from "../output/paint.ts";
import { attend } from "./attend.ts";
import { phaseText } from "./life-text.ts";

/** Shows an execution from its start to its end without answering what it asks. How it ended is said where it did not succeed. */
export async function lookOn(
  deps: Deps,
  backend: Backend,
  { executionId, verbose }: { readonly executionId: string; readonly verbose?: boolean | undefined },
): Promise<void> {
  const outcome = await attend(deps, backend, { executionId, verbose, mode: "watch", json: false });
  if (outcome.kind !== "ended" || outcome.change.phase === Phase.SUCCEEDED) return;
  await deps.stderr.write(`${paintFor(deps.stderr, deps.env).yellow(phaseText(outcome.change))}\n`);
}
