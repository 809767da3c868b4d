import { ExecutionPhase as Phase, type PhaseChanged } from "@stigmer/contracts/agentic";
import type { Backend } from "../backend/open-backend.ts";
import type { Deps } from "../deps.ts";
import { type ApproveMode, type Approver, createApprover, type Parked } from "./approver.ts";
import { follow } from "./follow.ts";
import { type ShowingOf, showing } from "./showing.ts";
import type { Notice } from "./view.ts";

export type Attending = ShowingOf & { readonly executionId: string; readonly mode: ApproveMode };

/** How it ended, or why nobody attends it any more. */
export type Outcome =
  | { readonly kind: "ended"; readonly change: PhaseChanged }
  | { readonly kind: "parked"; readonly parked: Parked };

/**
 * Shows an execution from its start to its end, and has its questions answered on the way. On a terminal that can draw, the model's
 * text is laid out; elsewhere it is written as it comes.
 */
export async function attend(deps: Deps, backend: Backend, of: Attending): Promise<Outcome> {
  const stop = new AbortController();
  let stopped: Parked | Error | undefined;
  const shown = await showing(deps, backend, of);
  const around = { ...deps, stderr: shown.stderr };
  const approver = createApprover({
    ...{ ...around, backend, executionId: of.executionId, mode: of.mode, askedText: shown.details.asked },
    stop(why) {
      stopped = why;
      stop.abort();
    },
  });
  const signal = AbortSignal.any([deps.interrupt, stop.signal]);
  let failed: Outcome | undefined;
  try {
    for await (const item of follow(around, backend, { executionId: of.executionId, signal })) {
      const notice = await shown.take(item);
      const outcome = notice && (await react(around, { notice, approver, of }));
      // What failed may have been retried, and then more of the journal comes; all else that ends it ends it for good.
      failed = isFailure(outcome) ? outcome : undefined;
      if (outcome && !failed) return outcome;
    }
  } catch (error) {
    if (stopped instanceof Error) throw stopped;
    if (stopped) return { kind: "parked", parked: stopped };
    await shown.breakOff();
    throw error;
  } finally {
    await approver.close();
    await shown.close();
  }
  if (failed) return failed;
  throw new Error("the journal ended before the execution");
}

function isFailure(outcome: Outcome | undefined): boolean {
  return outcome?.kind === "ended" && outcome.change.phase === Phase.FAILED;
}

type Reacting = { readonly notice: Notice; readonly approver: Approver; readonly of: Attending };

async function react(deps: Deps, { notice, approver, of }: Reacting): Promise<Outcome | undefined> {
  switch (notice.kind) {
    case "ended":
      return { kind: "ended", change: notice.change };
    case "asked":
      return parkedBy(await approver.approvalAsked(notice));
    case "input":
      return parkedBy(await approver.inputAsked(notice.question));
    case "paused":
      if (of.mode === "fail") return { kind: "parked", parked: { kind: "paused", change: notice.change } };
      await deps.stderr.write(`it goes on when somebody resumes it: stigmer execution resume ${of.executionId}\n`);
      return undefined;
    case "decided":
      approver.settled(notice.approvalId);
      return undefined;
    case "answered":
      approver.settled(notice.stepKey);
      return undefined;
  }
}

function parkedBy(parked: Parked | undefined): Outcome | undefined {
  return parked && { kind: "parked", parked };
}
