import { misused } from "../failure.ts";
import { nearest } from "../output/nearest.ts";

/** A setting of `config.yaml`. */
export type Key = {
  readonly path: readonly string[];
  readonly parse: (value: string) => string | number | boolean;
};

type Rule = { readonly pattern: string; readonly meaning: string; readonly parse: Key["parse"] };

/** Every setting; `<name>` stands for a word of the user's. */
export const RULES: readonly Rule[] = [
  {
    pattern: "model",
    meaning: "model of agents that name none, such as openai/gpt-5 or ollama/qwen3",
    parse: matching(/^[a-z][a-z0-9-]*\/.+$/, "must have the form provider/model, such as openai/gpt-5 or ollama/qwen3"),
  },
  { pattern: "port", meaning: "port of the local daemon; 50051 unless set", parse: integer(1, 65_535) },
  {
    pattern: "providers.<name>.baseUrl",
    meaning: "where a provider is reached",
    parse: matching(/^https?:\/\/[^/\s]+\S*$/, "must be an http or https URL"),
  },
  {
    pattern: "providers.<name>.apiKeyEnv",
    meaning: "environment variable of the daemon that holds the provider's key",
    parse: matching(/^[A-Za-z_][A-Za-z0-9_]*$/, "must be the name of an environment variable, never the key itself"),
  },
  {
    pattern: "providers.<name>.apiKeySecret",
    meaning: "secret that holds the provider's key, as <environment>/<NAME>; see stigmer env set-secret",
    parse: matching(
      /^[a-z]([a-z0-9-]{0,61}[a-z0-9])?\/[A-Za-z_][A-Za-z0-9_]*$/,
      "must be <environment>/<NAME>, the place of a secret and never the key itself",
    ),
  },
  {
    pattern: "providers.<name>.api",
    meaning: "how a provider is spoken to: chat, responses, messages or ollama",
    parse: matching(/^(chat|responses|messages|ollama)$/, "must be chat, responses, messages or ollama"),
  },
  {
    pattern: "providers.<name>.stream",
    meaning: "false where a provider's answers shall come at once; true unless set",
    parse: yesOrNo,
  },
  {
    pattern: "providers.<name>.contextWindow",
    meaning: "most tokens of context that a provider's models get",
    parse: integer(1024, 100_000_000),
  },
  {
    pattern: "context",
    meaning: "named backend that commands talk to; the local daemon unless set",
    parse: matching(/^[a-z][a-z0-9-]*$/, "must be the name of a context"),
  },
  {
    pattern: "contexts.<name>.url",
    meaning: "where a named backend is",
    parse: matching(/^https?:\/\/[^/\s]+\S*$/, "must be an http or https URL"),
  },
  {
    pattern: "contexts.<name>.org",
    meaning: "organization that calls to it are made for",
    parse: matching(/^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$/, "must be the name of an organization"),
  },
  { pattern: "limits.maxTokens", meaning: "most tokens of one execution", parse: integer(1, 999_999_999) },
  {
    pattern: "limits.maxCostMicros",
    meaning: "most cost of one execution, in millionths of a dollar",
    parse: integer(1, 999_999_999),
  },
  {
    pattern: "limits.maxToolRounds",
    meaning: "most turns of one execution that call tools",
    parse: integer(1, 10_000),
  },
  {
    pattern: "limits.maxDuration",
    meaning: "seconds that one execution may work",
    parse: integer(1, 7_776_000),
  },
  { pattern: "runner.slots", meaning: "executions that the bundled runner drives at once", parse: integer(1, 1000) },
  {
    pattern: "runner.leaseDuration",
    meaning: "seconds until the work of a runner that says nothing more goes to another; 15 unless set",
    parse: integer(3, 3600),
  },
];

const NAME = /^[a-z][a-z0-9-]*$/;

/** The setting that a command names; refuses an unknown one with the nearest. */
export function keyOf(text: string): Key {
  const path = text.split(".");
  for (const { pattern, parse } of RULES) {
    const parts = pattern.split(".");
    if (parts.length === path.length && parts.every((part, at) => fits(part, path[at] ?? ""))) return { path, parse };
  }
  throw misused(`unknown setting "${text}"`, suggestion(text));
}

function fits(part: string, word: string): boolean {
  return part === "<name>" ? NAME.test(word) : part === word;
}

function suggestion(text: string): string {
  const [, name = "<name>"] = text.split(".");
  const known = RULES.map(({ pattern }) => pattern.replace("<name>", NAME.test(name) ? name : "<name>"));
  const near = nearest(text, known);
  return near ? `did you mean ${near}?` : `known settings: ${RULES.map(({ pattern }) => pattern).join(", ")}`;
}

function matching(form: RegExp, description: string): Key["parse"] {
  return (value) => {
    if (form.test(value)) return value;
    throw misused(`the value ${description}`, "nothing was changed");
  };
}

function yesOrNo(value: string): boolean {
  if (value === "true" || value === "false") return value === "true";
  throw misused("the value must be true or false", "nothing was changed");
}

function integer(least: number, most: number): Key["parse"] {
  return (value) => {
    const number = Number(value);
    if (/^\d{1,9}$/.test(value) && number >= least && number <= most) return number;
    throw misused(`the value must be a whole number from ${least} to ${most}`, "nothing was changed");
  };
}
