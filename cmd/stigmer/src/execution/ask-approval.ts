import {
  ApprovalCause,
  type ApprovalSpec,
  ApprovalDecision as Decision,
  ApprovalScope as Scope,
} from "@stigmer/contracts/agentic";
import { Failure } from "../failure.ts";
import { complain } from "../output/complain.ts";
import type { Answer, AskDeps } from "./answer.ts";
import { askElicitation } from "./ask-elicitation.ts";
import { editArguments } from "./edit-arguments.ts";
import { prompt } from "./prompt.ts";

/** What a line of the person's means. */
export type Choice =
  | { readonly kind: "answer"; readonly answer: Answer }
  | { readonly kind: "reject" }
  | { readonly kind: "edit" }
  | { readonly kind: "detach" };

/** What a person has granted: the approval that was asked for, and how far the answer reaches. */
export type Grant = { readonly spec: ApprovalSpec; readonly scope: Scope };

/** Whether a grant answers another question of the same execution. A call whose outcome was lost is asked about all the same. */
export function covers({ spec, scope }: Grant, other: ApprovalSpec): boolean {
  const isSame = other.executionId === spec.executionId && other.server === spec.server;
  if (!isSame || other.cause !== ApprovalCause.POLICY) return false;
  if (scope === Scope.SERVER) return true;
  return scope === Scope.TOOL && other.tool === spec.tool && other.definitionDigest === spec.definitionDigest;
}

/** Asks until an answer comes. "detach" where the person goes; undefined when the signal aborts. */
export async function askApproval(
  deps: AskDeps,
  spec: ApprovalSpec,
  signal: AbortSignal,
): Promise<Answer | "detach" | undefined> {
  if (spec.cause === ApprovalCause.ELICITATION) return await askElicitation(deps, spec, signal);
  while (!signal.aborted) {
    const line = await prompt(deps, choicesText(spec), signal);
    if (line === undefined) return signal.aborted ? undefined : "detach";
    const choice = readChoice(line, spec);
    if (choice?.kind === "answer") return choice.answer;
    if (choice?.kind === "detach") return "detach";
    if (choice?.kind === "reject") return await askReason(deps, signal);
    const edited = choice?.kind === "edit" ? await edit(deps, spec) : undefined;
    if (edited !== undefined) return { decision: Decision.APPROVED, arguments: edited };
  }
  return undefined;
}

/** Reads `y`, `t`, `s`, `e`, `k`, `n`, `n because …` or `d`; undefined for anything else. */
function readChoice(line: string, spec: Pick<ApprovalSpec, "server" | "cause">): Choice | undefined {
  const [word = "", comment = ""] = splitWord(line.trim());
  const choice = CHOICES[word.toLowerCase()];
  if (choice === "reject" && comment) return { kind: "answer", answer: { decision: Decision.REJECTED, comment } };
  if (!choice || comment) return undefined;
  if (choice === "server" && !spec.server) return undefined;
  if ((choice === "server" || choice === "tool") && spec.cause === ApprovalCause.PLAN) return undefined;
  if (choice === "reject" || choice === "edit" || choice === "detach") return { kind: choice };
  return { kind: "answer", answer: ANSWERS[choice] };
}

type Word = "once" | "tool" | "server" | "edit" | "skip" | "reject" | "detach";

const CHOICES: Readonly<Record<string, Word | undefined>> = Object.assign(Object.create(null), {
  ...{ y: "once", yes: "once", t: "tool", tool: "tool", s: "server", server: "server", e: "edit", edit: "edit" },
  ...{ k: "skip", skip: "skip", n: "reject", no: "reject", d: "detach", detach: "detach" },
});

const ANSWERS: Readonly<Record<"once" | "tool" | "server" | "skip", Answer>> = {
  once: { decision: Decision.APPROVED },
  tool: { decision: Decision.APPROVED, scope: Scope.TOOL },
  server: { decision: Decision.APPROVED, scope: Scope.SERVER },
  skip: { decision: Decision.SKIPPED },
};

function choicesText({ server, cause }: ApprovalSpec): string {
  // A plan is approved once.
  if (cause === ApprovalCause.PLAN) return "[y]es, [e]dit, s[k]ip, [n]o, [d]etach: ";
  const always = server ? "always for this [t]ool, always for this [s]erver" : "always for this [t]ool";
  return `[y]es, ${always}, [e]dit, s[k]ip, [n]o, [d]etach: `;
}

/** Enter alone gives no reason. */
async function askReason(deps: AskDeps, signal: AbortSignal): Promise<Answer | undefined> {
  const comment = await prompt(deps, "why? the model reads it (Enter gives no reason): ", signal);
  return signal.aborted ? undefined : { decision: Decision.REJECTED, comment: comment?.trim() ?? "" };
}

/** What goes wrong in the editor is said, and the question stays. */
async function edit(deps: AskDeps, spec: ApprovalSpec): Promise<string | undefined> {
  try {
    const edited = await editArguments(deps, spec.arguments);
    if (edited === undefined) await deps.stderr.write("the arguments are as they were\n");
    return edited;
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    await complain(deps, error);
    return undefined;
  }
}

function splitWord(line: string): readonly string[] {
  const [, word, rest] = /^(\S*)\s*(.*)$/s.exec(line) ?? [];
  return [word?.replace(/[:,]$/, "") ?? "", rest ?? ""];
}
