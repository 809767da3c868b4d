import { isFault, type Log } from "@stigmer/base";
import type { ModelInfo, ModelProvider } from "./port.ts";
import { type Price, type PriceList, providerOf } from "./price-list.ts";

/** The provider of a `provider/model`, and the model in its own words. */
export type Resolve = (model: string) => { readonly provider: ModelProvider; readonly model: string };

/** What is known of models: by the configuration, else by the price table, else by what their providers said. */
export interface Models {
  priceOf(model: string): Price | undefined;
  /** Most tokens of one answer; undefined where that is not known. */
  maxOutput(model: string): number | undefined;
  /** Tokens that a model takes, as far as that is known now; 0 where it is not. */
  contextWindow(model: string): number;
  /** The same; a provider on this machine is asked for it, and waited for a moment. */
  learnContextWindow(model: string): Promise<number>;
  /** Keeps what a provider said of its models. */
  learn(provider: string, models: readonly ModelInfo[]): void;
}

export type ModelsDeps = {
  readonly prices: PriceList;
  readonly resolve: Resolve;
  /** What the configuration says that the models of a provider take. */
  readonly configuredWindow: (provider: string) => number | undefined;
  readonly log: Log;
};

/** Its models are chosen and loaded on this machine, so that no table knows them. */
const LOCAL = "ollama";
const WAIT_MS = 1_000;
const ASK_MS = 10_000;
/** A provider that did not answer is left alone so long. */
const REST_MS = 60_000;
const MOST_LEARNED = 10_000;

export function createModels(deps: ModelsDeps): Models {
  const learned = new Map<string, number>();
  let asking: Promise<void> | undefined;
  const contextWindow = (model: string): number =>
    deps.configuredWindow(providerOf(model)) ?? deps.prices.rowOf(model)?.contextWindow ?? learned.get(model) ?? 0;
  const learn: Models["learn"] = (provider, models) => {
    for (const { model, contextWindow: window } of models)
      if (learned.size < MOST_LEARNED && window > 0) learned.set(`${provider}/${model}`, window);
  };
  const ask = async (model: string): Promise<void> => {
    try {
      learn(LOCAL, await deps.resolve(model).provider.list({ signal: AbortSignal.timeout(ASK_MS) }));
      asking = undefined;
    } catch (err) {
      deps.log.debug(
        { provider: LOCAL, reason: isFault(err) ? err.reason : "INTERNAL" },
        "provider did not list its models",
      );
      setTimeout(() => (asking = undefined), REST_MS).unref();
    }
  };
  return {
    priceOf: (model) => deps.prices.priceOf(model),
    maxOutput: (model) => deps.prices.rowOf(model)?.maxOutput,
    contextWindow,
    async learnContextWindow(model) {
      if (contextWindow(model) > 0 || providerOf(model) !== LOCAL) return contextWindow(model);
      asking ??= ask(model);
      await Promise.race([asking, after(WAIT_MS)]);
      return contextWindow(model);
    },
    learn,
  };
}

function after(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms).unref();
  });
}
