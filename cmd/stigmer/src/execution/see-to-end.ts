import type { LightClient } from "@stigmer/client/light";
import {
  AgentExecutionQueryController,
  ApprovalQueryController,
  ExecutionPhase as Phase,
  type PhaseChanged,
} from "@stigmer/contracts/agentic";
import type { Backend } from "../backend/open-backend.ts";
import { isLost } from "../backend/reconnect.ts";
import type { Deps } from "../deps.ts";
import { nextStep } from "../explain.ts";
import { EXIT, Failure, interrupted } from "../failure.ts";
import { paintFor } from "../output/paint.ts";
import { printableLine } from "../output/printable.ts";
import { type Asked, approvalText } from "./approval-text.ts";
import type { ApproveMode, Parked } from "./approver.ts";
import { inputText } from "./ask-input.ts";
import { attend, type Outcome } from "./attend.ts";
import { phaseText } from "./life-text.ts";
import type { Tally } from "./tally.ts";

export type Seeing = {
  readonly executionId: string;
  /** What the user said about approvals; unless told a person is asked on a terminal, and nobody off it. */
  readonly approve?: Exclude<ApproveMode, "ask" | "watch"> | undefined;
  readonly json: boolean;
  readonly verbose?: boolean | undefined;
  /** Told what the execution has used, however it ended. */
  readonly onTally?: (tally: Tally) => void;
};

/**
 * Shows an execution from its start, has its questions answered, and ends well only where the execution succeeded. Whatever ends
 * the following, the execution goes on, and the user hears how to come back to it.
 */
export async function seeToEnd(deps: Deps, backend: Backend, { approve, ...of }: Seeing): Promise<void> {
  const { executionId } = of;
  const mode = approve ?? (deps.stdin.isTTY && deps.stderr.isTTY ? "ask" : "fail");
  const outcome = await attendSafely(deps, backend, { ...of, mode });
  if (outcome.kind === "parked") throw await explainParked(deps, backend, { id: executionId, parked: outcome.parked });
  const failure = explainEnd(executionId, outcome.change);
  if (failure) throw failure;
}

/** How to see more of an execution, or to end it. */
export function howToFollow(id: string): string {
  return `follow it: stigmer execution logs -f ${id}; end it: stigmer execution cancel ${id}`;
}

async function attendSafely(deps: Deps, backend: Backend, of: Parameters<typeof attend>[2]): Promise<Outcome> {
  try {
    return await attend(deps, backend, of);
  } catch (error) {
    const next = `the execution goes on; ${howToFollow(of.executionId)}`;
    if (deps.interrupt.aborted) throw interrupted("", next);
    if (isLost(error)) throw new Failure(EXIT.unreachable, "the backend is away", next, { cause: error });
    throw error;
  }
}

function explainEnd(id: string, change: PhaseChanged): Failure | undefined {
  if (change.phase === Phase.SUCCEEDED) return undefined;
  const next = nextStep(change.error?.reason ?? "", { execution: id });
  return new Failure(EXIT.failed, printableLine(`execution ${id} ${phaseText(change)}`), next);
}

type ParkedOf = { readonly id: string; readonly parked: Parked };

/** Who detaches has chosen it, and nothing went wrong. */
async function explainParked(deps: Deps, backend: Backend, { id, parked }: ParkedOf): Promise<Failure> {
  const waits = await waitText(deps, backend, { id, parked });
  const next = `${waits.next}; then follow: stigmer execution logs -f ${id}`;
  const seen = parked.kind !== "paused" && parked.seen;
  return seen ? new Failure(EXIT.refused, "", `${waits.what}; ${next}`) : new Failure(EXIT.refused, waits.what, next);
}

/** What it waits for and what ends that; questions that nobody has seen are shown whole. */
async function waitText(
  deps: Deps,
  backend: Backend,
  { id, parked }: ParkedOf,
): Promise<{ readonly what: string; readonly next: string }> {
  const paint = paintFor(deps.stderr, deps.env);
  if (parked.kind === "paused") {
    return { what: `execution ${id} is paused`, next: `let it go on: stigmer execution resume ${id}` };
  }
  if (parked.kind === "input") {
    if (!parked.seen) await deps.stderr.write(inputText(parked.question, paint));
    return { what: `execution ${id} waits for an answer`, next: `give it: stigmer execution input ${id}` };
  }
  const open = parked.seen ? [parked.asked] : await openApprovals(deps, backend.client(), { id, first: parked.asked });
  for (const asked of parked.seen ? [] : open) {
    await deps.stderr.write(approvalText(asked, { paint, now: deps.clock.now() }));
  }
  const { approvalId } = parked.asked;
  if (open.length < 2) {
    const next = `decide it: stigmer approval approve ${approvalId} (or reject)`;
    return { what: `execution ${id} waits for approval ${approvalId}`, next };
  }
  const next = `decide them: stigmer approval approve ${open.map((asked) => asked.approvalId).join(" ")} (or reject)`;
  return { what: `execution ${id} waits for ${open.length} approvals`, next };
}

/** Every approval that it waits for, the oldest first; the one that is known where the backend does not say more. */
async function openApprovals(
  deps: Pick<Deps, "interrupt">,
  client: LightClient,
  { id, first }: { readonly id: string; readonly first: Asked },
): Promise<readonly Asked[]> {
  const call = { signal: deps.interrupt };
  const { status } = await client.service(AgentExecutionQueryController).get({ id }, call);
  const asked: Asked[] = [];
  for (const approvalId of status?.approvalIds ?? []) {
    if (approvalId === first.approvalId) asked.push(first);
    else {
      const { spec } = await client.service(ApprovalQueryController).get({ id: approvalId }, call);
      if (spec) asked.push({ approvalId, spec });
    }
  }
  return asked.length > 0 ? asked : [first];
}
