import { create } from "@bufbuild/protobuf";
import { Fault, type Log } from "@stigmer/base";
import { type ExecutionError, ExecutionErrorSchema } from "@stigmer/contracts/agentic";
import {
  type ListModelsRequest,
  type ListModelsResponse,
  ListModelsResponseSchema,
  type ModelPrice,
  ModelPriceSchema,
} from "@stigmer/contracts/gateway";
import type { Call } from "@stigmer/resource";
import type { Models } from "./models.ts";
import type { ModelInfo, ModelProvider } from "./port.ts";
import type { Price } from "./price-list.ts";

/** The providers that are set up at this moment. */
export type ProviderSet = {
  names(): readonly string[];
  provider(name: string): ModelProvider;
};

export type ListModelsDeps = {
  readonly providers: () => ProviderSet;
  readonly models: Models;
  readonly defaultModel: () => string | undefined;
  readonly log: Log;
};

/** How long a provider may take to say which models it has. */
const LIST_MS = 10_000;
const MOST_MODELS = 10_000;

type Asked = {
  readonly name: string;
  readonly listed: readonly ModelInfo[];
  readonly error: ExecutionError | undefined;
};

/** Asks all providers at once; one that does not answer in time is told with the reason. */
export async function listModels(
  deps: ListModelsDeps,
  request: ListModelsRequest,
  call: Call,
): Promise<ListModelsResponse> {
  const names = request.provider ? [request.provider] : [...deps.providers().names()].sort();
  const asked = await Promise.all(names.map((name) => askOne(deps, name, call.signal)));
  call.signal.throwIfAborted();
  for (const { name, listed } of asked) deps.models.learn(name, listed);
  const all = asked.flatMap(({ name, listed }) => listed.map(({ model }) => `${name}/${model}`).sort());
  return create(ListModelsResponseSchema, {
    models: all.slice(0, MOST_MODELS).map((model) => describe(deps.models, model)),
    providers: asked.map(({ name, error }) => ({ provider: name, reachable: !error, ...(error && { error }) })),
    defaultModel: deps.defaultModel() ?? "",
  });
}

async function askOne({ providers, log }: ListModelsDeps, name: string, signal: AbortSignal): Promise<Asked> {
  const timeout = AbortSignal.timeout(LIST_MS);
  try {
    const listed = await providers()
      .provider(name)
      .list({ signal: AbortSignal.any([signal, timeout]) });
    return { name, listed, error: undefined };
  } catch (err) {
    if (!(err instanceof Fault) && !timeout.aborted && !signal.aborted)
      log.error({ err, provider: name }, "provider's driver failed");
    const late = `provider "${name}" did not say which models it has within ${LIST_MS / 1_000} s`;
    return { name, listed: [], error: timeout.aborted ? problem("PROVIDER_UNAVAILABLE", late) : problemOf(err) };
  }
}

/** What a provider's failure is, in words for people. */
export function problemOf(error: unknown): ExecutionError {
  return error instanceof Fault
    ? problem(error.reason, error.message)
    : problem("INTERNAL", "the provider's driver failed; the backend's log says more");
}

function problem(reason: string, message: string): ExecutionError {
  return create(ExecutionErrorSchema, { reason, message });
}

function describe(models: Models, model: string) {
  const price = models.priceOf(model);
  return { model, contextWindow: BigInt(models.contextWindow(model)), ...(price && { price: priceMessage(price) }) };
}

function priceMessage(price: Price): ModelPrice {
  const { input, cachedInput = input, cacheWrite = input, output, maxInput = 0, source, date } = price;
  return create(ModelPriceSchema, {
    ...{ inputMicros: BigInt(input), cachedInputMicros: BigInt(cachedInput), cacheWriteMicros: BigInt(cacheWrite) },
    ...{ outputMicros: BigInt(output), maxInputTokens: BigInt(maxInput), source, date },
  });
}
