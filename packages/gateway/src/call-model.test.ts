import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { type Fault, precondition, silentLog, unavailable } from "@stigmer/base";
import { ExecutionLimitsSchema, ModelOptionsSchema, UsageSchema } from "@stigmer/contracts/agentic";
import { expect, it } from "vitest";
import { createBudgets } from "./budgets.ts";
import { callModel, type ModelCall } from "./call-model.ts";
import { createModels } from "./models.ts";
import type { GenerateOptions, ModelAnswer, ModelRequest } from "./port.ts";
import { createPriceList } from "./price-list.ts";
import { answerOf, providerOf } from "./provider.fake.ts";

const away = (words = "away"): Fault => unavailable("PROVIDER_UNAVAILABLE", {}, { message: words });
const refused = (words: string): Fault => precondition("PROVIDER_REFUSED", {}, { message: words });

it("asks the next model where the one before cannot be reached, and says who answered", async () => {
  const { run, asked, restarts } = scene({ "a/one": [away()], "b/two": [answerOf("hi")] });

  const finished = await run({ candidates: ["a/one", "b/two"] });

  expect(finished).toMatchObject({ model: "b/two", servedModel: "served", providerAttempts: 5 });
  expect(finished.error).toBeUndefined();
  expect(asked()).toEqual(["a/one", "a/one", "a/one", "a/one", "b/two"]);
  expect(restarts()).toBe(4);
});

it.each([
  ["refuses the request", refused("400: no")],
  ["cannot take so long a conversation", precondition("CONTEXT_OVERFLOW", {}, { message: "too long" })],
])("asks nobody else where a model %s", async (_, fault) => {
  const { run, asked } = scene({ "a/one": [fault], "b/two": [answerOf("hi")] });

  const finished = await run({ candidates: ["a/one", "b/two"] });

  expect(finished).toMatchObject({ model: "a/one", error: { reason: fault.reason, message: fault.message } });
  expect(asked()).toEqual(["a/one"]);
});

it("passes over a fallback that is not set up, and tells of all where nobody answers", async () => {
  const unset = precondition("PROVIDER_NOT_CONFIGURED", {}, { message: "has no key" });
  const { run } = scene({ "a/one": [away("overloaded")], "b/two": [unset] });

  const finished = await run({ candidates: ["a/one", "b/two"] });

  expect(finished.error).toMatchObject({
    reason: "PROVIDER_UNAVAILABLE",
    message: "a/one: overloaded; b/two: has no key",
  });
});

it("waits as long as a provider asks, and goes to the next model at once where that is too long", async () => {
  const soon = unavailable("PROVIDER_UNAVAILABLE", {}, { retryAfterMs: 7 });
  const late = unavailable("PROVIDER_UNAVAILABLE", {}, { retryAfterMs: 3_600_000 });
  const { run, asked, waits } = scene({ "a/one": [soon, late], "b/two": [answerOf("hi")] });

  await run({ candidates: ["a/one", "b/two"] });

  expect(asked()).toEqual(["a/one", "a/one", "b/two"]);
  expect(waits()).toEqual([7]);
});

it("tells when the first piece of the answer came, not of one that was given up", async () => {
  let now = 0;
  const { run } = scene(
    {
      "a/one": [
        (_: ModelRequest, { onText }: GenerateOptions) => {
          now += 10;
          onText("lost");
          throw away();
        },
        (_: ModelRequest, { onStart }: GenerateOptions) => {
          now += 30;
          onStart();
          now += 60;
          return answerOf("hi");
        },
      ],
    },
    () => now,
  );

  expect(await run({})).toMatchObject({ timeToFirstTokenMs: 40n, latencyMs: 100n, providerAttempts: 2 });
});

it("records what the call cost and by which price, and says where that is not known", async () => {
  const used = { inputTokens: 1_000n, cachedInputTokens: 600n, outputTokens: 100n };
  const { run } = scene({ "openai/gpt-5": [answerOf("hi", used)], "nobody/knows": [answerOf("hi", used)] });

  const priced = await run({ candidates: ["openai/gpt-5"] });
  const unpriced = await run({ candidates: ["nobody/knows"] });

  expect(priced).toMatchObject({ usage: { ...used, costMicros: 1_575n, unpricedCalls: 0 }, contextWindow: 400_000n });
  expect(priced.priceDate).toMatch(/^\d{4}-\d{2}-\d{2}$/);
  expect(unpriced).toMatchObject({ usage: { costMicros: 0n, unpricedCalls: 1 }, priceDate: "", contextWindow: 0n });
});

it("hands the agent's options and the output schema to the provider", async () => {
  const seen: ModelRequest[] = [];
  const { run } = scene({
    "a/one": [
      (request: ModelRequest) => {
        seen.push(request);
        return answerOf("hi");
      },
    ],
  });
  const options = create(ModelOptionsSchema, { temperature: 0.5, maxOutputTokens: 77n });

  await run({ options, request: { messages: [], tools: [], outputSchema: '{"type":"object"}' } });

  expect(seen).toMatchObject([{ model: "one", options, outputSchema: '{"type":"object"}' }]);
});

it("shortens the answer to what a limit leaves, and gives the rest back when the outcome is recorded", async () => {
  const seen: (bigint | undefined)[] = [];
  const outcome = Promise.withResolvers<{ case: undefined }>();
  const { run } = scene({
    "openai/gpt-5": [
      ({ options }: ModelRequest) => {
        seen.push(options?.maxOutputTokens);
        return answerOf("hi");
      },
    ],
  });
  const limited = { candidates: ["openai/gpt-5"], levels: levels({ maxTokens: 1_000n }), mostInputTokens: () => 400n };

  await run({ ...limited, outcome: outcome.promise });
  const second = run({ ...limited, outcome: outcome.promise });
  await new Promise((resolve) => setImmediate(resolve));
  expect(seen).toEqual([600n]);
  outcome.resolve({ case: undefined });
  await second;

  expect(seen).toEqual([600n, 600n]);
});

it("fails with what is left where a call does not fit any more, and asks no fallback", async () => {
  const { run, asked } = scene({ "openai/gpt-5": [answerOf("hi")], "b/two": [answerOf("hi")] });

  const finished = await run({
    candidates: ["openai/gpt-5", "b/two"],
    levels: levels({ maxTokens: 1_000n }, { inputTokens: 700n, outputTokens: 100n }),
    mostInputTokens: () => 150n,
  });

  expect(finished).toMatchObject({
    error: { reason: "LIMIT_REACHED", message: expect.stringMatching(/200 tokens are left.* 406$/) },
    providerAttempts: 0,
  });
  expect(asked()).toEqual([]);
});

it("does not ask a model without a known price where cost is limited", async () => {
  const { run, asked } = scene({ "nobody/knows": [answerOf("hi")] });

  const finished = await run({ candidates: ["nobody/knows"], levels: levels({ maxCostMicros: 10_000_000n }) });

  expect(finished.error?.reason).toBe("MODEL_PRICE_UNKNOWN");
  expect(asked()).toEqual([]);
});

it("ends without an outcome where the call is given up", async () => {
  const { run } = scene({
    "a/one": [
      (_: ModelRequest, { signal }: GenerateOptions) =>
        new Promise<never>((_, reject) => {
          signal.addEventListener("abort", () => reject(signal.reason));
        }),
    ],
  });
  const abort = new AbortController();
  const call = run({ signal: abort.signal });

  abort.abort(new Error("given up"));

  await expect(call).rejects.toThrow("given up");
});

type Turn =
  | ModelAnswer
  | Fault
  | ((request: ModelRequest, options: GenerateOptions) => Promise<ModelAnswer> | ModelAnswer);
type Run = Partial<Omit<ModelCall, "step">> & {
  readonly signal?: AbortSignal;
  readonly outcome?: Promise<{ case: undefined }>;
};

/** Providers that take turn after turn, the last one from then on; pauses between tries are noted and not made. */
function scene(turns: Readonly<Record<string, readonly Turn[]>>, monotonic = () => 0) {
  const asked: string[] = [];
  const waits: number[] = [];
  let restarts = 0;
  const counts = new Map<string, number>();
  const resolve = (model: string) => ({
    model: model.slice(model.indexOf("/") + 1),
    provider: providerOf((request, options) => {
      asked.push(model);
      const count = counts.get(model) ?? 0;
      counts.set(model, count + 1);
      const turn = turns[model]?.[Math.min(count, (turns[model]?.length ?? 0) - 1)];
      if (typeof turn === "function") return turn(request, options);
      if (!turn || "kind" in turn) throw turn ?? new Error(`no turn of ${model}`);
      return turn;
    }),
  });
  const deps = {
    clock: { now: () => 0, monotonic },
    ...{ log: silentLog, resolve, budgets: createBudgets() },
    models: createModels({
      prices: createPriceList(() => ({})),
      resolve,
      configuredWindow: () => undefined,
      log: silentLog,
    }),
    retryDelayMs(next: number, wanted: number | undefined) {
      if (next > 4 || (wanted ?? 0) > 30_000) return undefined;
      if (wanted !== undefined) waits.push(wanted);
      return 0;
    },
  };
  const run = ({ signal = new AbortController().signal, outcome = new Promise(() => {}), ...call }: Run) =>
    callModel(deps, {
      request: { messages: [], tools: [], outputSchema: "" },
      ...{ candidates: ["a/one"], options: undefined, mostInputTokens: () => 1n, levels: async () => [] },
      readBlob: () => Promise.reject(new Error("no blobs")),
      ...call,
      step: { signal, outcome, executionId: "aex_1", append: () => {}, restart: () => void restarts++ },
    });
  return { run, asked: () => asked, waits: () => waits, restarts: () => restarts };
}

function levels(
  limits: MessageInitShape<typeof ExecutionLimitsSchema>,
  used: MessageInitShape<typeof UsageSchema> = {},
) {
  const level = { id: "aex_1", limits: create(ExecutionLimitsSchema, limits), used: create(UsageSchema, used) };
  return async () => [level];
}
