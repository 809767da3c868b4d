import { create } from "@bufbuild/protobuf";
import type { Log } from "@stigmer/base";
import { type ExecutionLimits, ExecutionLimitsSchema } from "@stigmer/contracts/agentic";
import { createModelChoice, createModels, createPriceList, type Resolve } from "@stigmer/gateway";
import { createProviders } from "@stigmer/model-providers";
import type { Settings } from "./settings.ts";

/** What serves models, as the settings say it at each moment. */
export function composeModels(options: {
  readonly settings: () => Settings;
  readonly env: (name: string) => string | undefined;
  readonly scriptsDir: string;
  readonly log: Log;
  readonly resolve?: Resolve | undefined;
  /** Value of a secret, as `<environment>/<NAME>`. */
  readonly secret: (reference: string) => Promise<string>;
}) {
  const { settings, env, scriptsDir, log, secret } = options;
  const providers = () => createProviders(settings(), env, { scriptsDir, secret });
  const resolve: Resolve = options.resolve ?? ((model) => providers().resolve(model));
  const models = createModels({
    prices: createPriceList(() => settings().prices ?? {}),
    resolve,
    configuredWindow: (provider) => settings().providers?.[provider]?.contextWindow,
    log,
  });
  const defaultModel = (): string | undefined => settings().model;
  const choice = createModelChoice({ defaultModel, resolve, models, limits: () => limitsOf(settings()) });
  return { resolve, providers, models, choice, defaultModel };
}

function limitsOf({ limits = {} }: Settings): ExecutionLimits {
  const { maxTokens = 0, maxCostMicros = 0, maxToolRounds = 0, maxDuration } = limits;
  return create(ExecutionLimitsSchema, {
    ...{ maxTokens: BigInt(maxTokens), maxCostMicros: BigInt(maxCostMicros), maxToolRounds },
    ...(maxDuration && { maxDuration: { seconds: BigInt(maxDuration) } }),
  });
}
