import type { Deps } from "../deps.ts";
import { prompt } from "../execution/prompt.ts";
import { interrupted, misused } from "../failure.ts";
import { type Found, isElsewhere } from "./find-models.ts";

/** A setting of `config.yaml` to be written. */
export type Setting = { readonly key: string; readonly value: string };

/** A model that could be the default, and what has to be set for it. */
export type Choice = {
  readonly model: string;
  readonly where: string;
  readonly settings: readonly Setting[];
  /** Whether what is said to it leaves the machine. */
  readonly isExternal: boolean;
};

const MAX_OFFERED = 9;
/** What is offered where only a key is known. Whoever wants another names it. */
const USUAL: Readonly<Record<string, string>> = {
  openai: "openai/gpt-5-mini",
  anthropic: "anthropic/claude-sonnet-4-5",
};

/** What could be chosen, models of this machine first. */
export function choicesOf({ servers, keys }: Found): readonly Choice[] {
  const local = servers.flatMap(({ name, url, provider, baseUrl, models }) =>
    models.map((model) => ({
      ...{ model: `${provider}/${model}`, where: `${name} at ${url}`, isExternal: false },
      settings: baseUrl ? [{ key: `providers.${provider}.baseUrl`, value: baseUrl }] : [],
    })),
  );
  const external = keys.map(({ name, provider, variable }) => ({
    ...{ model: USUAL[provider] ?? provider, where: `${name}, with the key in ${variable}`, isExternal: true },
    settings: [],
  }));
  return [...local.slice(0, MAX_OFFERED - external.length), ...external];
}

/** The choice for a model that the user named; what was found for it is taken along. */
export function namedChoice(model: string, found: Found): Choice {
  if (!/^[a-z][a-z0-9-]*\/.+$/.test(model)) {
    throw misused(`--model must have the form provider/model, not "${model}"`, "such as ollama/qwen3 or openai/gpt-5");
  }
  const known = choicesOf(found).find((choice) => choice.model === model);
  return (
    known ?? {
      model,
      where: "named by you",
      settings: [],
      isExternal: !/^(ollama|scripted)\//.test(model) || isElsewhere(model),
    }
  );
}

/** Asks which one is meant; undefined for none. Nothing external is taken without a yes of its own. */
export async function chooseModel(
  deps: Pick<Deps, "stdin" | "stderr" | "interrupt">,
  choices: readonly Choice[],
): Promise<Choice | undefined> {
  const lines = choices.map(({ model, where }, at) => `  ${at + 1}. ${model}  (${where})\n`);
  await deps.stderr.write(`models that agents can use:\n${lines.join("")}`);
  for (;;) {
    const answer = (await ask(deps, "default model, by number or as provider/model (Enter sets none): ")).trim();
    if (!answer) return undefined;
    const choice = chosen(answer, choices);
    if (!choice) continue;
    if (!choice.isExternal || (await agree(deps, choice))) return choice;
  }
}

function chosen(answer: string, choices: readonly Choice[]): Choice | undefined {
  if (/^\d+$/.test(answer)) return choices[Number(answer) - 1];
  const known = choices.find(({ model }) => model === answer);
  if (known) return known;
  return /^[a-z][a-z0-9-]*\/.+$/.test(answer) ? namedChoice(answer, { servers: [], keys: [] }) : undefined;
}

async function agree(deps: Pick<Deps, "stdin" | "stderr" | "interrupt">, { model, where }: Choice): Promise<boolean> {
  const question = `what agents are told will go to ${model} (${where}), which may cost money; is that right? [y/N] `;
  return /^y(es)?$/i.test((await ask(deps, question)).trim());
}

async function ask(deps: Pick<Deps, "stdin" | "stderr" | "interrupt">, question: string): Promise<string> {
  const line = await prompt(deps, question, deps.interrupt);
  if (deps.interrupt.aborted) throw interrupted();
  return line ?? "";
}
