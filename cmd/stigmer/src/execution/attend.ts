import type { PhaseChanged } from "@stigmer/contracts/agentic";
import type { Backend } from "../backend/open-backend.ts";
import type { Deps, Sink } from "../deps.ts";
import { paintFor } from "../output/paint.ts";
import { formatJsonLine } from "../output/structured.ts";
import { type ApproveMode, createApprover, type Parked } from "./approver.ts";
import { itemJson } from "./event-json.ts";
import { follow } from "./follow.ts";
import { EMPTY_VIEW, type Output, render } from "./view.ts";

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
    ...deps,
    backend,
    mode: of.mode,
    stop(why) {
      stopped = why;
      stop.abort();
    },
  });
  const signal = AbortSignal.any([deps.interrupt, stop.signal]);
  let view = EMPTY_VIEW;
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
      if (notice?.kind === "ended") return { kind: "ended", change: notice.change };
      if (notice?.kind === "decided") approver.decided(notice.approvalId);
      if (notice?.kind !== "asked") continue;
      const parked = await approver.asked(notice.approvalId, notice.spec);
      if (parked) return { kind: "parked", parked };
    }
  } catch (error) {
    if (stopped instanceof Error) throw stopped;
    if (stopped) return { kind: "parked", parked: stopped };
    if (view.midLine) await deps.stdout.write("\n");
    throw error;
  } finally {
    await approver.close();
  }
  throw new Error("the journal ended before the execution");
}

async function write(deps: Pick<Deps, "stdout" | "stderr">, outputs: readonly Output[]): Promise<void> {
  for (const { to, text } of outputs) await (to === "stdout" ? deps.stdout : deps.stderr).write(text);
}
