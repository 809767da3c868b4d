import { isFault } from "@stigmer/base";
import type { Client } from "@stigmer/client";
import {
  ApprovalCommandController,
  ApprovalQueryController,
  type ApprovalSpec,
  ApprovalDecision as Decision,
} from "@stigmer/contracts/agentic";
import type { Backend } from "../backend/open-backend.ts";
import { createReconnect } from "../backend/reconnect.ts";
import type { Deps } from "../deps.ts";
import { paintFor } from "../output/paint.ts";
import { approvalText } from "./approval-text.ts";

/** What to do where an execution asks: a person at the terminal, or one answer for all, or none. */
export type ApproveMode = "ask" | "never" | "all" | "fail";

/** Why following ends although the execution goes on. */
export type Parked = {
  readonly approvalId: string;
  readonly spec: ApprovalSpec;
  /** Whether the person has seen the question. */
  readonly seen: boolean;
};

/** Answers what an execution asks while somebody follows it. */
export interface Approver {
  /** Takes a question. Where it stays open, says so; at a terminal the answer comes later. */
  asked(approvalId: string, spec: ApprovalSpec): Promise<Parked | undefined>;
  /** Somebody has answered: a question on the terminal is taken back. */
  decided(approvalId: string): void;
  /** Takes every question back; resolves when none is on the terminal. */
  close(): Promise<void>;
}

export type ApproverDeps = Pick<Deps, "stdin" | "stderr" | "env" | "interrupt" | "clock" | "sleep"> & {
  readonly backend: Backend;
  readonly mode: ApproveMode;
  /** Called when the person detaches, or a decision can't be made. */
  readonly stop: (why: Parked | Error) => void;
};

export function createApprover(deps: ApproverDeps): Approver {
  const questions = new Map<string, AbortController>();
  let line = Promise.resolve();
  return {
    async asked(approvalId, spec) {
      // A journal that is read again from its start asks what has long been answered.
      if (!(await isOpen(deps, approvalId))) return undefined;
      if (deps.mode === "fail") return { approvalId, spec, seen: false };
      if (deps.mode === "ask") {
        const question = new AbortController();
        questions.set(approvalId, question);
        const signal = AbortSignal.any([question.signal, deps.interrupt]);
        line = line
          .then(() => askPerson(deps, { approvalId, spec, seen: true }, signal))
          .catch((error) => deps.stop(error));
        return undefined;
      }
      await decide(deps, approvalId, deps.mode === "all" ? APPROVED : REJECTED_UNSEEN);
      return undefined;
    },
    decided: (approvalId) => questions.get(approvalId)?.abort(),
    async close() {
      for (const question of questions.values()) question.abort();
      await line;
    },
  };
}

type Answer = { readonly decision: Decision; readonly comment: string };

const APPROVED: Answer = { decision: Decision.APPROVED, comment: "" };
const REJECTED: Answer = { decision: Decision.REJECTED, comment: "" };
const REJECTED_UNSEEN: Answer = {
  decision: Decision.REJECTED,
  comment: "nobody looked at it (--approve never)",
};

async function askPerson(deps: ApproverDeps, question: Parked, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await deps.stderr.write(approvalText(question.approvalId, question.spec, paintFor(deps.stderr, deps.env)));
  for (;;) {
    await deps.stderr.write("[y]es, [n]o, [d]etach: ");
    const word = (await deps.stdin.line(signal))?.trim().toLowerCase();
    if (signal.aborted) return await deps.stderr.write("\n");
    if (word === "y" || word === "yes") return await decide(deps, question.approvalId, APPROVED);
    if (word === "n" || word === "no") return await decide(deps, question.approvalId, REJECTED);
    if (word === undefined) await deps.stderr.write("\n"); // the end of the input leaves the line open
    if (word === undefined || word === "d" || word === "detach") return deps.stop(question);
  }
}

/** Where somebody else was faster, the journal says how it was decided. */
async function decide(deps: ApproverDeps, id: string, answer: Answer): Promise<void> {
  const call = (client: Client) =>
    client.service(ApprovalCommandController).decide({ id, ...answer }, { signal: deps.interrupt });
  try {
    await persistently(deps, call);
  } catch (error) {
    if (!isFault(error, "APPROVAL_DECIDED")) throw error;
  }
}

async function isOpen(deps: ApproverDeps, id: string): Promise<boolean> {
  const call = (client: Client) => client.service(ApprovalQueryController).get({ id }, { signal: deps.interrupt });
  const { status } = await persistently(deps, call);
  return (status?.decision ?? Decision.UNSPECIFIED) === Decision.UNSPECIFIED;
}

/** Calls again where the connection breaks, as the stream that brought the question is taken up again too. */
async function persistently<T>(deps: ApproverDeps, call: (client: Client) => Promise<T>): Promise<T> {
  const reconnect = createReconnect(deps);
  let client = deps.backend.client();
  for (;;) {
    try {
      return await call(client);
    } catch (error) {
      await reconnect.waitAfter(error);
      client = await deps.backend.reopen();
    }
  }
}
