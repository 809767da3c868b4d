import { type ApprovalSpec, ApprovalDecision as Decision } from "@stigmer/contracts/agentic";
import { askForm } from "../form/ask-form.ts";
import type { Answer, AskDeps } from "./answer.ts";
import { prompt } from "./prompt.ts";

/** Asks a person what a tool server asks. A URL is shown and never opened. "detach" where the person goes; undefined when the signal aborts. */
export async function askElicitation(
  deps: AskDeps,
  spec: ApprovalSpec,
  signal: AbortSignal,
): Promise<Answer | "detach" | undefined> {
  const choices = spec.url ? "[y]es, I have been there" : "[y]es, fill it in";
  while (!signal.aborted) {
    const line = await prompt(deps, `${choices}, [n]o, s[k]ip, [d]etach: `, signal);
    if (line === undefined) return signal.aborted ? undefined : "detach";
    const word = WORDS[line.trim().toLowerCase()];
    if (word === "detach") return "detach";
    if (word === "decline") return { decision: Decision.REJECTED };
    if (word === "skip") return { decision: Decision.SKIPPED };
    const filled = word === "accept" ? await fill(deps, spec, signal) : undefined;
    if (filled !== undefined) return { decision: Decision.APPROVED, arguments: filled };
  }
  return undefined;
}

type Word = "accept" | "decline" | "skip" | "detach";

const WORDS: Readonly<Record<string, Word | undefined>> = Object.assign(Object.create(null), {
  ...{
    y: "accept",
    yes: "accept",
    n: "decline",
    no: "decline",
    k: "skip",
    skip: "skip",
    d: "detach",
    detach: "detach",
  },
});

/** Nothing is filled in where there is no form. */
async function fill(
  deps: AskDeps,
  { url, inputSchema }: ApprovalSpec,
  signal: AbortSignal,
): Promise<string | undefined> {
  if (url) return "";
  return await askForm(deps, inputSchema, (text) => prompt(deps, text, signal));
}
