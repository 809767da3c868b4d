import {
  type ListModelsResponse,
  ListModelsResponseSchema,
  type ModelDescription,
  ModelQueryController,
} from "@stigmer/contracts/gateway";
import { openBackend } from "../backend/open-backend.ts";
import type { GlobalOptions } from "../command-line.ts";
import type { Deps } from "../deps.ts";
import { failed } from "../failure.ts";
import { printMessage } from "../kinds/message-printer.ts";
import { dollars } from "../output/dollars.ts";
import { formatOf } from "../output/format.ts";
import { printableLine } from "../output/printable.ts";
import { formatDelimited, formatTable } from "../output/table.ts";

export type ListOptions = GlobalOptions & { readonly provider: string | undefined };

const HEADINGS = ["model", "context", "input $/M", "cached $/M", "output $/M", "price of"];

/** Shows models; what a provider that does not answer says goes to stderr. It fails where none answers at all. */
export async function list(deps: Deps, options: ListOptions): Promise<void> {
  const format = formatOf(options.output, { isTTY: deps.stdout.isTTY, allowed: ["table", "json", "yaml", "name"] });
  await using backend = await openBackend(deps, options);
  const request = { provider: options.provider ?? "" };
  const answer = await backend.client().service(ModelQueryController).list(request, { signal: deps.interrupt });
  if (format === "json" || format === "yaml") await printMessage(deps, ListModelsResponseSchema, answer, format);
  else if (format === "name")
    await deps.stdout.write(answer.models.map(({ model }) => `${printableLine(model)}\n`).join(""));
  else await deps.stdout.write(format === "table" ? tableOf(deps, answer) : delimited(answer));
  await sayTroubles(deps, answer);
}

function tableOf({ stdout }: Deps, { models }: ListModelsResponse): string {
  return models.length === 0 ? "" : formatTable(HEADINGS, models.map(cellsOf), stdout.columns);
}

function delimited({ models }: ListModelsResponse): string {
  return models.map((model) => formatDelimited(cellsOf(model))).join("");
}

function cellsOf({ model, contextWindow, price }: ModelDescription): string[] {
  const context = contextWindow > 0n ? String(contextWindow) : "";
  if (!price) return [model, context, "", "", "", ""];
  const { inputMicros, cachedInputMicros, outputMicros, date, source } = price;
  return [model, context, ...[inputMicros, cachedInputMicros, outputMicros].map(dollars), date || source];
}

async function sayTroubles({ stderr }: Deps, { providers }: ListModelsResponse): Promise<void> {
  const away = providers.filter(({ reachable }) => !reachable);
  for (const { provider, error } of away)
    await stderr.write(`${printableLine(`note: ${provider} does not answer: ${error?.message ?? ""}`)}\n`);
  if (providers.length === 0 || away.length === providers.length) {
    throw failed(
      "no provider says which models it has",
      "set one up: stigmer init, or stigmer doctor to see what is wrong",
    );
  }
}
