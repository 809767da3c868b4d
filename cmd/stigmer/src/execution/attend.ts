import { ExecutionPhase as Phase, type PhaseChanged } from "@stigmer/contracts/agentic";
import type { Backend } from "../backend/open-backend.ts";
import type { Deps, Sink } from "../deps.ts";
import { paintFor } from "../output/paint.ts";
import { formatJsonLine } from "../output/structured.ts";
import { type ApproveMode, type Approver, createApprover, type Parked } from "./approver.ts";
import { itemJson } from "./event-json.ts";
import { follow } from "./follow.ts";
import { EMPTY_VIEW, type Notice, type Output, render } from "./view.ts";

export type Attending = {
  readonly executionId: string;
  readonly mode: ApproveMode;
  /** One line of JSON per event, instead of text for a person. */
  readonly json: boolean;
};

/** How it ended, or why nobody attends it any more. */
export type Outcome =
  | { readonly kind: "ended"; readonly change: PhaseChanged }
  | { readonly kind: "parked"; readonly parked: Parked };

/** Shows an execution from its start to its end, and has its questions answered on the way. */
export async function attend(deps: Deps, backend: Backend, of: Attending): Promise<Outcome> {
  const stop = new AbortController();
  let stopped: Parked | Error | undefined;
  const approver = createApprover({
    ...{ ...deps, backend, executionId: of.executionId, mode: of.mode },
    stop(why) {
      stopped = why;
      stop.abort();
    },
  });
  const signal = AbortSignal.any([deps.interrupt, stop.signal]);
  let view = EMPTY_VIEW;
  let failed: Outcome | undefined;
  // What is said about the connection would stand behind half a sentence; in a pipe the model's text stays as it is.
  const stderr: Sink = {
    ...deps.stderr,
    async write(text) {
      if (view.midLine && deps.stdout.isTTY && !of.json) await write(deps, [{ to: "stdout", text: "\n" }]);
      view = deps.stdout.isTTY ? { ...view, midLine: false } : view;
      await deps.stderr.write(text);
    },
  };
  try {
    for await (const item of follow({ ...deps, stderr }, backend, { executionId: of.executionId, signal })) {
      const { outputs, notice, ...rendered } = render(view, item, paintFor(deps.stderr, deps.env));
      view = rendered.view;
      await write(deps, of.json ? [{ to: "stdout", text: formatJsonLine(itemJson(item)) }] : outputs);
      const outcome = notice && (await react({ ...deps, stderr }, { notice, approver, of }));
      // What failed may have been retried, and then more of the journal comes; all else that ends it ends it for good.
      failed = isFailure(outcome) ? outcome : undefined;
      if (outcome && !failed) return outcome;
    }
  } catch (error) {
    if (stopped instanceof Error) throw stopped;
    if (stopped) return { kind: "parked", parked: stopped };
    if (view.midLine) await deps.stdout.write("\n");
    throw error;
  } finally {
    await approver.close();
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

async function write(deps: Pick<Deps, "stdout" | "stderr">, outputs: readonly Output[]): Promise<void> {
  for (const { to, text } of outputs) await (to === "stdout" ? deps.stdout : deps.stderr).write(text);
}
