import { AgentExecutionCommandController, AgentExecutionSchema, type Question } from "@stigmer/contracts/agentic";
import { openBackend } from "../backend/open-backend.ts";
import type { GlobalOptions } from "../command-line.ts";
import type { Deps } from "../deps.ts";
import { askInput, inputText } from "../execution/ask-input.ts";
import { findExecution } from "../execution/find-execution.ts";
import { readText } from "../execution/read-text.ts";
import { failed, interrupted, misused } from "../failure.ts";
import type { Resource } from "../kinds/columns.ts";
import { printMessage } from "../kinds/message-printer.ts";
import { formatOf } from "../output/format.ts";
import { paintFor } from "../output/paint.ts";

export type InputOptions = GlobalOptions & { readonly name: string; readonly text?: string };

type Asking = Pick<Question, "stepKey" | "text" | "options">;

/** Answers the question that an execution waits with: by what is written, by standard input, or by a prompt. */
export async function input(deps: Deps, options: InputOptions): Promise<void> {
  const format = formatOf(options.output, { isTTY: deps.stdout.isTTY, allowed: ["table", "json", "yaml", "name"] });
  await using backend = await openBackend(deps, options);
  const { id, resource } = await findExecution(deps, backend.client(), options.name);
  const question = questionOf(resource);
  const text = await answerOf(deps, options, question);
  if (!text) throw misused("the answer is empty", `stigmer execution input ${id} --text "yes"`);
  // The step goes along, so that an answer is never taken for one to a question that came since.
  const request = { id, text, stepKey: question?.stepKey ?? "" };
  const answered = await backend
    .client()
    .service(AgentExecutionCommandController)
    .provideInput(request, { signal: deps.interrupt });
  if (format === "json" || format === "yaml") return await printMessage(deps, AgentExecutionSchema, answered, format);
  const name = `agentexecution/${answered.metadata?.name ?? id}`;
  await deps.stdout.write(`${name}${format === "name" ? "" : " answered"}\n`);
}

function questionOf(resource: Resource): Asking | undefined {
  const { question } = (resource.status ?? {}) as { readonly question?: Partial<Asking> };
  return question && { stepKey: "", text: "", options: [], ...question };
}

async function answerOf(deps: Deps, { text, name }: InputOptions, question: Asking | undefined): Promise<string> {
  if (text !== undefined) return text;
  if (!deps.stdin.isTTY) return await readText(deps, "answer");
  if (!deps.stderr.isTTY) throw misused("nobody can see the question", 'give the answer: --text "yes"');
  if (!question) throw failed(`execution ${name} asks nothing`, `see why it waits: stigmer execution why ${name}`);
  await deps.stderr.write(inputText(question, paintFor(deps.stderr, deps.env)));
  const answer = await askInput(deps, question, deps.interrupt);
  if (deps.interrupt.aborted) throw interrupted();
  if (answer === undefined) throw failed("nothing was answered", `it stays open: stigmer execution input ${name}`);
  return answer;
}
