import { precondition, type Reason } from "@stigmer/base";
import { ModelCommandController, type TestModelResponse, TestModelResponseSchema } from "@stigmer/contracts/gateway";
import { openBackend } from "../backend/open-backend.ts";
import type { GlobalOptions } from "../command-line.ts";
import type { Deps } from "../deps.ts";
import { misused } from "../failure.ts";
import { printMessage } from "../kinds/message-printer.ts";
import { dollars } from "../output/dollars.ts";
import { formatOf } from "../output/format.ts";
import { printableLine } from "../output/printable.ts";
import { formatDelimited } from "../output/table.ts";

export type TestOptions = GlobalOptions & { readonly model: string | undefined };

/** Asks a model for a word. It fails where the model does not answer, and says what to do. */
export async function test(deps: Deps, options: TestOptions): Promise<void> {
  const format = formatOf(options.output, { isTTY: deps.stdout.isTTY, allowed: ["table", "json", "yaml"] });
  const { model = "" } = options;
  if (model && !/^[a-z][a-z0-9-]*\/.+$/.test(model))
    throw misused(`"${model}" does not say its provider`, "write provider/model, such as openai/gpt-5 or ollama/qwen3");
  await using backend = await openBackend(deps, options);
  const answer = await backend.client().service(ModelCommandController).test({ model }, { signal: deps.interrupt });
  if (format === "json" || format === "yaml") await printMessage(deps, TestModelResponseSchema, answer, format);
  else if (!answer.error) await deps.stdout.write(format === "table" ? linesOf(answer) : rowOf(answer));
  const { error } = answer;
  if (error)
    throw precondition(
      error.reason as Reason,
      { provider: answer.model.split("/")[0] },
      { message: `${answer.model} does not answer: ${error.message}` },
    );
}

function rowOf({ model, servedModel, latencyMs, timeToFirstTokenMs, usage, text }: TestModelResponse): string {
  const { inputTokens = 0n, outputTokens = 0n, costMicros = 0n } = usage ?? {};
  return formatDelimited([
    model,
    servedModel,
    ...[latencyMs, timeToFirstTokenMs, inputTokens, outputTokens, costMicros].map(String),
    text,
  ]);
}

function linesOf(answer: TestModelResponse): string {
  const { model, servedModel, latencyMs, timeToFirstTokenMs, usage, text, scripted } = answer;
  const lines = [
    ["answered", `${text.trim()}${scripted ? " (a script, no model)" : ""}`],
    ["as", servedModel],
    ["took", `${latencyMs} ms, the first piece came after ${timeToFirstTokenMs} ms`],
    ["used", `${usage?.inputTokens ?? 0n} tokens in, ${usage?.outputTokens ?? 0n} out`],
    ["cost", usage?.unpricedCalls ? "not known: set it in `prices` of config.yaml" : dollars(usage?.costMicros ?? 0n)],
  ];
  const told = lines.map(([label = "", value = ""]) => `  ${label.padEnd(10)}${printableLine(value)}`);
  return `${[printableLine(model), ...told].join("\n")}\n`;
}
