/** What a model costs, in millionths of a US dollar for a million tokens. */
export type Rates = {
  readonly input: number;
  /** Of a request that the provider had cached; as `input` where it is absent. */
  readonly cachedInput?: number;
  /** Of a request that the provider put into its cache; as `input` where it is absent. */
  readonly cacheWrite?: number;
  readonly output: number;
};

/** One model in the price table. */
export type PriceRow = Rates & {
  /** As `provider/model`; a last `*` stands for any model of the provider. */
  readonly model: string;
  /** Tokens that it takes, request and answer together. */
  readonly contextWindow: number;
  /** Most tokens of one answer. */
  readonly maxOutput: number;
  /** Longest request that the rates are for, where the provider asks more for longer ones. */
  readonly maxInput?: number;
  /** What longer requests cost, where that is known. */
  readonly beyond?: Rates;
  /** Where the price was read. */
  readonly source: string;
  /** When it was read there. */
  readonly date: string;
};

const OPENAI = { source: "https://developers.openai.com/api/docs/pricing", date: "2026-11-05" };
const OPENAI_OLDER = { source: "https://platform.openai.com/docs/pricing", date: "2025-12-15" };
const ANTHROPIC = { source: "https://platform.claude.com/docs/en/about-claude/pricing", date: "2026-10-24" };
const ANTHROPIC_OLDER = { source: "https://docs.claude.com/en/docs/about-claude/pricing", date: "2025-11-24" };

const MILLION = 1_000_000;

/** Dollars for a million tokens, as vendors write them: input, cached input, cache write, output. */
function usd(input: number, cachedInput: number, cacheWrite: number, output: number): Rates {
  const [one, two, three, four] = [input, cachedInput, cacheWrite, output].map((price) => Math.round(price * MILLION));
  return { input: one ?? 0, cachedInput: two ?? 0, cacheWrite: three ?? 0, output: four ?? 0 };
}

const K128 = 128_000;
const LONG = { contextWindow: 1_050_000, maxOutput: K128, maxInput: 272_000 };
const GPT5 = { contextWindow: 400_000, maxOutput: K128 };
const GPT41 = { contextWindow: 1_047_576, maxOutput: 32_768 };
const GPT4O = { contextWindow: K128, maxOutput: 16_384 };
const O_SERIES = { contextWindow: 200_000, maxOutput: 100_000 };
const CLAUDE = { contextWindow: 1_000_000, maxOutput: K128 };
const CLAUDE_200K = { contextWindow: 200_000, maxOutput: 64_000 };

/** Prices of well-known models. What is not here, or costs something else for you, stands in `prices` of config.yaml. */
export const PRICES: readonly PriceRow[] = [
  { model: "openai/gpt-6-astra", ...usd(10, 1, 12.5, 50), ...LONG, ...OPENAI },
  { model: "openai/gpt-6-sol", ...usd(2, 0.2, 2.5, 10), ...LONG, ...OPENAI },
  { model: "openai/gpt-6-luna", ...usd(0.1, 0.01, 0.125, 0.5), ...LONG, ...OPENAI },
  { model: "openai/gpt-5.2", ...usd(1.75, 0.175, 1.75, 14), ...GPT5, ...OPENAI_OLDER },
  { model: "openai/gpt-5.1", ...usd(1.25, 0.125, 1.25, 10), ...GPT5, ...OPENAI_OLDER },
  { model: "openai/gpt-5", ...usd(1.25, 0.125, 1.25, 10), ...GPT5, ...OPENAI_OLDER },
  { model: "openai/gpt-5-mini", ...usd(0.25, 0.025, 0.25, 2), ...GPT5, ...OPENAI_OLDER },
  { model: "openai/gpt-5-nano", ...usd(0.05, 0.005, 0.05, 0.4), ...GPT5, ...OPENAI_OLDER },
  { model: "openai/gpt-4.1", ...usd(2, 0.5, 2, 8), ...GPT41, ...OPENAI_OLDER },
  { model: "openai/gpt-4.1-mini", ...usd(0.4, 0.1, 0.4, 1.6), ...GPT41, ...OPENAI_OLDER },
  { model: "openai/gpt-4.1-nano", ...usd(0.1, 0.025, 0.1, 0.4), ...GPT41, ...OPENAI_OLDER },
  { model: "openai/gpt-4o", ...usd(2.5, 1.25, 2.5, 10), ...GPT4O, ...OPENAI_OLDER },
  { model: "openai/gpt-4o-mini", ...usd(0.15, 0.075, 0.15, 0.6), ...GPT4O, ...OPENAI_OLDER },
  { model: "openai/o3", ...usd(2, 0.5, 2, 8), ...O_SERIES, ...OPENAI_OLDER },
  { model: "openai/o4-mini", ...usd(1.1, 0.275, 1.1, 4.4), ...O_SERIES, ...OPENAI_OLDER },
  { model: "anthropic/claude-fable-5-1", ...usd(10, 0.25, 12.5, 50), ...CLAUDE, ...ANTHROPIC },
  { model: "anthropic/claude-fable-5", ...usd(10, 1, 12.5, 50), ...CLAUDE, ...ANTHROPIC },
  { model: "anthropic/claude-opus-5-5", ...usd(4, 0.2, 5, 20), ...CLAUDE, ...ANTHROPIC },
  { model: "anthropic/claude-opus-5", ...usd(5, 0.5, 6.25, 25), ...CLAUDE, ...ANTHROPIC },
  { model: "anthropic/claude-opus-4-6", ...usd(5, 0.5, 6.25, 25), ...CLAUDE, ...ANTHROPIC },
  { model: "anthropic/claude-opus-4-5", ...usd(5, 0.5, 6.25, 25), ...CLAUDE_200K, ...ANTHROPIC },
  { model: "anthropic/claude-sonnet-5-5", ...usd(2, 0.1, 2.5, 10), ...CLAUDE, ...ANTHROPIC },
  { model: "anthropic/claude-sonnet-5", ...usd(2, 0.2, 2.5, 10), ...CLAUDE, ...ANTHROPIC },
  { model: "anthropic/claude-sonnet-4-6", ...usd(3, 0.3, 3.75, 15), ...CLAUDE, ...ANTHROPIC },
  { model: "anthropic/claude-sonnet-4-5", ...usd(3, 0.3, 3.75, 15), ...CLAUDE_200K, ...ANTHROPIC_OLDER },
  {
    ...{ model: "anthropic/claude-haiku-5-5", ...usd(0.1, 0.01, 0.125, 0.5), ...CLAUDE, ...ANTHROPIC },
    ...{ maxInput: 100_000, beyond: usd(0.5, 0.05, 0.625, 2.5) },
  },
  { model: "anthropic/claude-haiku-4-5", ...usd(1, 0.1, 1.25, 5), ...CLAUDE_200K, ...ANTHROPIC_OLDER },
];

/** Providers that nobody pays for a token. */
export const FREE: readonly string[] = ["ollama", "scripted"];
