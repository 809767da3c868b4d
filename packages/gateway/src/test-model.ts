import { create } from "@bufbuild/protobuf";
import { type Clock, Fault, type Log, precondition } from "@stigmer/base";
import { MessageSchema, ModelOptionsSchema, Role, ThinkingEffort } from "@stigmer/contracts/agentic";
import { type TestModelRequest, type TestModelResponse, TestModelResponseSchema } from "@stigmer/contracts/gateway";
import type { Call } from "@stigmer/resource";
import { problemOf } from "./list-models.ts";
import { modelNotSet } from "./model-choice.ts";
import type { Models, Resolve } from "./models.ts";
import type { GenerateOptions, ModelAnswer } from "./port.ts";
import { pricedUsage } from "./price-list.ts";

export type TestModelDeps = {
  readonly resolve: Resolve;
  readonly models: Models;
  readonly defaultModel: () => string | undefined;
  readonly clock: Clock;
  readonly log: Log;
};

/** Enough for a model that thinks before it says one word. */
const MOST_OUTPUT = 1_024n;
/** Less than a client's call may take, so that the answer says what was waited for. */
const TEST_MS = 25_000;
const MOST_TEXT = 256;

/** Asks once; what goes wrong is the answer. */
export async function testModel(
  deps: TestModelDeps,
  request: TestModelRequest,
  call: Call,
): Promise<TestModelResponse> {
  const model = request.model || deps.defaultModel();
  if (!model) throw modelNotSet();
  const started = deps.clock.monotonic();
  const since = (): bigint => BigInt(Math.max(1, Math.round(deps.clock.monotonic() - started)));
  let timeToFirstTokenMs = 0n;
  const onStart = (): void => {
    timeToFirstTokenMs ||= since();
  };
  const timeout = AbortSignal.timeout(TEST_MS);
  const options = { signal: AbortSignal.any([call.signal, timeout]), onText: onStart, onStart, readBlob: noBlobs };
  try {
    const answer = await ask(deps, model, options);
    return create(TestModelResponseSchema, {
      ...told(deps.models, model, answer),
      latencyMs: since(),
      timeToFirstTokenMs,
    });
  } catch (error) {
    call.signal.throwIfAborted();
    if (!(error instanceof Fault) && !timeout.aborted)
      deps.log.error({ err: error, model }, "provider's driver failed");
    const late = { reason: "PROVIDER_UNAVAILABLE", message: `${model} did not answer within ${TEST_MS / 1_000} s` };
    const problem = timeout.aborted ? late : problemOf(error);
    return create(TestModelResponseSchema, { model, error: problem, latencyMs: since(), timeToFirstTokenMs });
  }
}

async function ask({ resolve }: TestModelDeps, model: string, options: GenerateOptions): Promise<ModelAnswer> {
  const { provider, model: name } = resolve(model);
  const part = { case: "text", value: "Answer with the one word: ready" } as const;
  const messages = [create(MessageSchema, { role: Role.USER, parts: [{ part }] })];
  const how = create(ModelOptionsSchema, { maxOutputTokens: MOST_OUTPUT, thinking: ThinkingEffort.UNSPECIFIED });
  return await provider.generate({ model: name, messages, tools: [], options: how, outputSchema: "" }, options);
}

function told(models: Models, model: string, { message, servedModel, usage, scripted }: ModelAnswer) {
  const text = message.parts.map(({ part }) => (part.case === "text" ? part.value : "")).join("");
  const priced = pricedUsage(models.priceOf(model), usage);
  return { model, servedModel, scripted, usage: priced.usage, text: [...text].slice(0, MOST_TEXT).join("") };
}

function noBlobs(digest: string): Promise<never> {
  return Promise.reject(precondition("BLOB_INCOMPLETE", { digest }));
}
