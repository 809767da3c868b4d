import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { type Clock, Fault, isFault, type Log } from "@stigmer/base";
import {
  type AgentSpec,
  type ModelCallFinished,
  ModelCallFinishedSchema,
  ModelOptionsSchema,
} from "@stigmer/contracts/agentic";
import type { GenerateRequest } from "@stigmer/contracts/gateway";
import type { Level, LiveStep } from "@stigmer/execution";
import type { Budgets, Reservation } from "./budgets.ts";
import type { Models, Resolve } from "./models.ts";
import type { ModelAnswer } from "./port.ts";
import { pricedUsage } from "./price-list.ts";

export type CallDeps = {
  readonly clock: Clock;
  readonly log: Log;
  readonly resolve: Resolve;
  readonly models: Models;
  readonly budgets: Budgets;
  /** How long to wait before try `next` of a call; undefined where there is to be none. */
  readonly retryDelayMs: (next: number, asked: number | undefined) => number | undefined;
};

/** A model call that is due. */
export type ModelCall = {
  readonly request: Pick<GenerateRequest, "messages" | "tools" | "outputSchema">;
  /** Models to ask, the next where the one before cannot be reached. */
  readonly candidates: readonly string[];
  readonly options: AgentSpec["modelOptions"];
  /** Tokens that the request has at most, for each model. */
  readonly mostInputTokens: (model: string) => bigint;
  /** Who has to pay for it; undefined where nothing bounds that. */
  readonly levels: (() => Promise<readonly Level[]>) | undefined;
  readonly readBlob: (digest: string) => Promise<Uint8Array>;
  readonly step: Pick<LiveStep, "signal" | "append" | "restart" | "executionId" | "outcome">;
};

type Finished = MessageInitShape<typeof ModelCallFinishedSchema>;

/** Asks until a model answers or nobody is left to ask. A refusal is an outcome too, unless the call was aborted. */
export async function callModel(deps: CallDeps, call: ModelCall): Promise<ModelCallFinished> {
  const course = startCourse(deps, call);
  const problems: Problem[] = [];
  for (const [at, model] of call.candidates.entries()) {
    const finished = await askOne(deps, call, { model, course });
    if (!("problem" in finished)) return course.finished({ ...finished, model });
    problems.push({ model, fault: finished.problem });
    if (at + 1 === call.candidates.length || !mayAskAnother(finished.problem)) break;
    deps.log.warn({ execution: call.step.executionId, model, reason: reasonOf(finished.problem) }, "model falls back");
    course.restart();
  }
  return course.finished({ model: problems.at(-1)?.model ?? "", error: errorOf(problems) });
}

type Problem = { readonly model: string; readonly fault: unknown };

/** Counts tries and time of a call, whoever is asked. */
function startCourse({ clock }: CallDeps, { step }: ModelCall) {
  const started = clock.monotonic();
  let firstAt: number | undefined;
  let tries = 0;
  const since = (at: number): bigint => BigInt(Math.round(at - started));
  return {
    begin: (): void => {
      tries += 1;
    },
    onStart: (): void => {
      firstAt ??= clock.monotonic();
    },
    restart: (): void => {
      firstAt = undefined;
      step.restart();
    },
    finished: (fields: Finished): ModelCallFinished =>
      create(ModelCallFinishedSchema, {
        ...fields,
        latencyMs: since(clock.monotonic()),
        timeToFirstTokenMs: firstAt === undefined || fields.error ? 0n : atLeastOne(since(firstAt)),
        providerAttempts: tries,
      }),
  };
}

function atLeastOne(value: bigint): bigint {
  return value > 0n ? value : 1n;
}

type Asking = { readonly model: string; readonly course: ReturnType<typeof startCourse> };

/** Asks one model as often as that makes sense, within what is set aside for the call. */
async function askOne(
  deps: CallDeps,
  call: ModelCall,
  asking: Asking,
): Promise<Finished | { readonly problem: unknown }> {
  const { step } = call;
  let share: Reservation | undefined;
  try {
    share = await reserve(deps, call, asking.model);
    const answer = await tryOften(deps, call, { ...asking, share });
    if (share) void step.outcome.then(share.release, share.release); // from then on the journal says what was used
    return finishedOf(deps, asking.model, answer);
  } catch (problem) {
    share?.release();
    step.signal.throwIfAborted();
    if (!isFault(problem))
      deps.log.error({ err: problem, execution: step.executionId, model: asking.model }, "provider's driver failed");
    return { problem };
  }
}

/** Where a model's longest answer is not known, its answers are held to this under a limit. */
const UNKNOWN_OUTPUT = 8_192;

async function reserve(
  { models, budgets }: CallDeps,
  { options, mostInputTokens, levels, step }: ModelCall,
  model: string,
): Promise<Reservation | undefined> {
  if (!levels) return undefined;
  const most = models.maxOutput(model) ?? Math.min(UNKNOWN_OUTPUT, models.contextWindow(model) / 2 || UNKNOWN_OUTPUT);
  const outputTokens = options?.maxOutputTokens || BigInt(Math.floor(most));
  const planned = { model, inputTokens: mostInputTokens(model), outputTokens, price: models.priceOf(model) };
  return await budgets.reserve(levels, planned, step.signal);
}

type Trying = Asking & { readonly share: Reservation | undefined };

async function tryOften(deps: CallDeps, call: ModelCall, { model, course, share }: Trying): Promise<ModelAnswer> {
  for (let count = 1; ; count++) {
    call.step.signal.throwIfAborted();
    try {
      return await tryOnce(deps, call, { model, course, share });
    } catch (error) {
      call.step.signal.throwIfAborted();
      const fault = isFault(error) ? error : undefined;
      const delay = fault?.kind === "unavailable" ? deps.retryDelayMs(count + 1, fault.retryAfterMs) : undefined;
      if (delay === undefined) throw error;
      course.restart();
      await pause(delay, call.step.signal);
    }
  }
}

async function tryOnce(
  deps: CallDeps,
  { request, options, step, readBlob }: ModelCall,
  { model, course, share }: Trying,
): Promise<ModelAnswer> {
  course.begin();
  const { provider, model: name } = deps.resolve(model);
  const { messages, tools, outputSchema } = request;
  const asked = { model: name, messages, tools, outputSchema, options: within(options, share) };
  const { onStart } = course;
  const onText = (text: string): void => {
    onStart();
    step.append(text);
  };
  return await provider.generate(asked, { signal: step.signal, onText, onStart, readBlob });
}

/** The agent's options; under a limit an answer is no longer than what is set aside for it. */
function within(options: ModelCall["options"], share: Reservation | undefined): ModelCall["options"] {
  return share ? create(ModelOptionsSchema, { ...options, maxOutputTokens: share.outputTokens }) : options;
}

function finishedOf({ models }: CallDeps, model: string, answer: ModelAnswer): Finished {
  const { message, finishReason, servedModel, scripted } = answer;
  const contextWindow = BigInt(models.contextWindow(model));
  const priced = pricedUsage(models.priceOf(model), answer.usage);
  return { message, finishReason, servedModel, scripted, contextWindow, ...priced };
}

/** Whether another model may do better: not where the request or its content was refused. */
function mayAskAnother(problem: unknown): boolean {
  return isFault(problem) && (problem.kind === "unavailable" || PASSED_OVER.has(problem.reason));
}

/** Why a model was not even asked. */
const PASSED_OVER: ReadonlySet<string> = new Set(["PROVIDER_NOT_CONFIGURED", "MODEL_PRICE_UNKNOWN"]);

function reasonOf(problem: unknown): string {
  return isFault(problem) ? problem.reason : "INTERNAL";
}

/** Why nobody answered: the words of all, and the reason of the last that was asked. */
function errorOf(problems: readonly Problem[]): NonNullable<Finished["error"]> {
  const told = problems.findLast(({ fault }) => !PASSED_OVER.has(reasonOf(fault))) ?? problems[0];
  const said = problems.map(({ model, fault }) =>
    problems.length > 1 ? `${model}: ${wordsOf(fault)}` : wordsOf(fault),
  );
  return { reason: reasonOf(told?.fault), message: said.join("; ") };
}

function wordsOf(problem: unknown): string {
  return problem instanceof Fault ? problem.message : "the provider's driver failed";
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const aborted = (): void => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", aborted);
      resolve();
    }, ms);
    signal.addEventListener("abort", aborted, { once: true });
  });
}
