import { isFault } from "@stigmer/base";
import type { Client } from "@stigmer/client";
import {
  AgentExecutionCommandController,
  AgentExecutionQueryController,
  ApprovalCause,
  ApprovalCommandController,
  ApprovalQueryController,
  ApprovalDecision as Decision,
  type PhaseChanged,
  type Question,
} from "@stigmer/contracts/agentic";
import type { Backend } from "../backend/open-backend.ts";
import { createReconnect } from "../backend/reconnect.ts";
import type { Deps } from "../deps.ts";
import { explain } from "../explain.ts";
import { complain } from "../output/complain.ts";
import { paintFor } from "../output/paint.ts";
import type { Answer } from "./answer.ts";
import type { Asked } from "./approval-text.ts";
import { askApproval, covers, type Grant } from "./ask-approval.ts";
import { askInput, inputText } from "./ask-input.ts";

/** What to do where an execution asks for an approval: a person at the terminal, or one answer for all, or none; or only look on. */
export type ApproveMode = "ask" | "never" | "all" | "fail" | "watch";

/** Why following ends although the execution goes on. */
export type Parked =
  | { readonly kind: "approval"; readonly asked: Asked; readonly seen: boolean }
  | { readonly kind: "input"; readonly question: Question; readonly seen: boolean }
  | { readonly kind: "paused"; readonly change: PhaseChanged };

/** Answers what an execution asks while somebody follows it: one question after the other, the oldest first. */
export interface Approver {
  /** Takes a question. Where it stays open, says so; at a terminal the answer comes later. */
  approvalAsked(asked: Asked): Promise<Parked | undefined>;
  inputAsked(question: Question): Promise<Parked | undefined>;
  /** Somebody has answered the approval, or the step, with this id or key: a question on the terminal is taken back. */
  settled(key: string): void;
  /** Takes every question back; resolves when none is on the terminal. */
  close(): Promise<void>;
}

export type ApproverDeps = Pick<
  Deps,
  "stdin" | "stderr" | "env" | "interrupt" | "clock" | "sleep" | "processes" | "cwd"
> & {
  readonly backend: Backend;
  readonly executionId: string;
  readonly mode: ApproveMode;
  /** The question of an approval, as a person is asked it. */
  readonly askedText: (asked: Asked) => Promise<string>;
  /** Called when the person detaches, or an answer can't be given. */
  readonly stop: (why: Parked | Error) => void;
};

export function createApprover(deps: ApproverDeps): Approver {
  const queue = createQueue(deps);
  // Questions that were asked before such an answer still are; the person has answered them with it.
  const grants: Grant[] = [];
  const atTerminal = deps.stdin.isTTY && deps.stderr.isTTY && deps.mode !== "fail";
  return {
    async approvalAsked(asked) {
      // A journal that is read again from its start asks what has long been answered.
      if (!(await isOpen(deps, asked.approvalId))) return undefined;
      if (deps.mode === "fail") return { kind: "approval", asked, seen: false };
      if (deps.mode === "watch") {
        const how = `decide it: stigmer approval approve ${asked.approvalId} (or reject)\n`;
        await deps.stderr.write(`${await deps.askedText(asked)}${how}`);
        return undefined;
      }
      if (deps.mode === "ask") {
        queue.add(asked.approvalId, (signal) =>
          askForDecision(deps, asked, { signal, others: queue.waiting() - 1, grants }),
        );
        return undefined;
      }
      await decide(deps, asked.approvalId, deps.mode === "all" ? answerForAll(asked) : REJECTED_UNSEEN);
      return undefined;
    },
    async inputAsked(question) {
      if (!(await isOpenQuestion(deps, question))) return undefined;
      if (deps.mode === "watch") {
        const how = `answer it: stigmer execution input ${deps.executionId}\n`;
        await deps.stderr.write(`${inputText(question, paintFor(deps.stderr, deps.env))}${how}`);
        return undefined;
      }
      if (!atTerminal) return { kind: "input", question, seen: false };
      queue.add(question.stepKey, (signal) => askForInput(deps, question, signal));
      return undefined;
    },
    settled: queue.settle,
    close: queue.close,
  };
}

const APPROVED: Answer = { decision: Decision.APPROVED };
/** A tool server's form is for a person to fill in. */
function answerForAll({ spec }: Asked): Answer {
  if (spec.cause !== ApprovalCause.ELICITATION) return APPROVED;
  return { decision: Decision.SKIPPED, comment: "nobody looked at it (--approve all)" };
}

const REJECTED_UNSEEN: Answer = {
  decision: Decision.REJECTED,
  comment: "nobody looked at it (--approve never)",
};

type Queue = {
  add(key: string, ask: (signal: AbortSignal) => Promise<Parked | undefined>): void;
  settle(key: string): void;
  /** Questions that nobody has answered, the one on the terminal included. */
  waiting(): number;
  close(): Promise<void>;
};

/** One question is on the terminal at a time. When the person goes, or one can't be answered, no other follows. */
function createQueue({ interrupt, stop }: Pick<ApproverDeps, "interrupt" | "stop">): Queue {
  const questions = new Map<string, AbortController>();
  const takeBack = (): void => {
    for (const question of questions.values()) question.abort();
  };
  let line = Promise.resolve();
  return {
    add(key, ask) {
      const question = new AbortController();
      questions.set(key, question);
      const signal = AbortSignal.any([question.signal, interrupt]);
      const end = (why: Parked | Error | undefined): void => {
        questions.delete(key);
        if (!why) return;
        takeBack();
        stop(why);
      };
      line = line.then(async () => (signal.aborted ? undefined : await ask(signal))).then(end, end);
    },
    settle: (key) => questions.get(key)?.abort(),
    waiting: () => [...questions.values()].filter(({ signal }) => !signal.aborted).length,
    async close() {
      takeBack();
      await line;
    },
  };
}

async function askForDecision(
  deps: ApproverDeps,
  asked: Asked,
  { signal, others, grants }: { readonly signal: AbortSignal; readonly others: number; readonly grants: Grant[] },
): Promise<Parked | undefined> {
  if (grants.some((grant) => covers(grant, asked.spec))) {
    await decide(deps, asked.approvalId, APPROVED);
    return undefined;
  }
  const paint = paintFor(deps.stderr, deps.env);
  await deps.stderr.write(await deps.askedText(asked));
  if (others > 0) await deps.stderr.write(paint.dim(`  (${others} more ${others === 1 ? "waits" : "wait"})\n`));
  for (;;) {
    const answer = await askApproval(deps, asked.spec, signal);
    if (answer === undefined) return undefined;
    if (answer === "detach") return { kind: "approval", asked, seen: true };
    if (!(await decideEdited(deps, asked.approvalId, answer))) continue;
    if (answer.scope) grants.push({ spec: asked.spec, scope: answer.scope });
    return undefined;
  }
}

/** Arguments that do not fit the tool are for the person to correct. */
async function decideEdited(deps: ApproverDeps, id: string, answer: Answer): Promise<boolean> {
  try {
    await decide(deps, id, answer);
    return true;
  } catch (error) {
    if (!answer.arguments || !isFault(error) || error.kind !== "invalid") throw error;
    await complain(deps, explain(error));
    return false;
  }
}

async function askForInput(deps: ApproverDeps, question: Question, signal: AbortSignal): Promise<Parked | undefined> {
  await deps.stderr.write(inputText(question, paintFor(deps.stderr, deps.env)));
  const text = await askInput(deps, question, signal);
  if (signal.aborted) return undefined;
  if (text === undefined) return { kind: "input", question, seen: true };
  await provideInput(deps, { text, stepKey: question.stepKey });
  return undefined;
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

/** Where somebody else was faster, the journal says what the answer was. */
async function provideInput(deps: ApproverDeps, answer: { readonly text: string; readonly stepKey: string }) {
  const request = { id: deps.executionId, ...answer };
  const call = (client: Client) =>
    client.service(AgentExecutionCommandController).provideInput(request, { signal: deps.interrupt });
  try {
    await persistently(deps, call);
  } catch (error) {
    if (!isFault(error, "EXECUTION_PHASE")) throw error;
  }
}

async function isOpen(deps: ApproverDeps, id: string): Promise<boolean> {
  const call = (client: Client) => client.service(ApprovalQueryController).get({ id }, { signal: deps.interrupt });
  const { status } = await persistently(deps, call);
  return (status?.decision ?? Decision.UNSPECIFIED) === Decision.UNSPECIFIED;
}

async function isOpenQuestion(deps: ApproverDeps, { stepKey }: Question): Promise<boolean> {
  const request = { id: deps.executionId };
  const call = (client: Client) =>
    client.service(AgentExecutionQueryController).get(request, { signal: deps.interrupt });
  const { status } = await persistently(deps, call);
  return status?.question?.stepKey === stepKey;
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
