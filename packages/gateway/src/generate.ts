import { createHash } from "node:crypto";
import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { type Clock, Fault, isFault, type Log } from "@stigmer/base";
import {
  type ExecutionEvent,
  MessageSchema,
  type ModelCallFinished,
  ModelCallFinishedSchema,
  ModelCallStartedSchema,
} from "@stigmer/contracts/agentic";
import {
  type GenerateRequest,
  type GenerateResponse,
  GenerateResponseSchema,
  ModelController,
  ToolSpecSchema,
} from "@stigmer/contracts/gateway";
import type { Claim, ExecutionState, Hub, LiveStep, Steps } from "@stigmer/execution";
import { type Call, type Handler, serverStream } from "@stigmer/resource";
import type { Batch } from "@stigmer/store";
import type { ModelProvider } from "./port.ts";

export type GatewayDeps = {
  readonly steps: Steps;
  readonly hub: Hub;
  readonly clock: Clock;
  readonly log: Log;
  /** The provider of a `provider/model`, and the model in its own words. */
  readonly resolve: (model: string) => { readonly provider: ModelProvider; readonly model: string };
  /** How long to wait before try `next` of a call; undefined where there is to be none. */
  readonly retryDelayMs: (next: number, asked: number | undefined) => number | undefined;
};

export function gatewayHandlers(deps: GatewayDeps): readonly Handler[] {
  return [serverStream(ModelController.method.generate, (request, call) => generate(deps, request, call))];
}

async function* generate(deps: GatewayDeps, request: GenerateRequest, call: Call): AsyncIterable<GenerateResponse> {
  const prepared = prepare(request);
  const at = {
    org: call.org,
    id: request.executionId,
    epoch: Number(request.epoch),
    stepKey: request.stepKey,
    digest: prepared.digest,
  };
  const claim = await deps.steps.claim(at, {
    judge: (state) => ({ kind: "perform", intent: intentOf(prepared, state), batch: prepared.batch }),
    perform: (step, state) =>
      perform(deps, { request, step, model: state.created?.model ?? "", digest: prepared.digest }),
  });
  if (claim.kind === "live") yield* relay(claim.step, call.signal);
  yield create(GenerateResponseSchema, { message: { case: "result", value: await resultOf(claim) } });
}

type Prepared = { readonly digest: string; readonly hashes: readonly Uint8Array<ArrayBuffer>[]; readonly batch: Batch };

/** Each message is stored once, under its hash; the request is the list of hashes and the tools. */
function prepare(request: GenerateRequest): Prepared {
  const blobs = request.messages.map((message) => {
    const bytes = toBinary(MessageSchema, message);
    return { hash: new Uint8Array(createHash("sha256").update(bytes).digest()), bytes };
  });
  const digest = createHash("sha256");
  for (const { hash } of blobs) digest.update(hash);
  for (const tool of request.tools) digest.update(toBinary(ToolSpecSchema, tool));
  return { digest: digest.digest("hex"), hashes: blobs.map(({ hash }) => hash), batch: { blobs } };
}

function intentOf({ digest, hashes }: Prepared, state: ExecutionState): ExecutionEvent["event"] {
  const requestDigest = new Uint8Array(Buffer.from(digest, "hex"));
  const value = create(ModelCallStartedSchema, {
    requestDigest,
    model: state.created?.model ?? "",
    messageHashes: [...hashes],
  });
  return { case: "modelCallStarted", value };
}

type Performing = {
  readonly request: GenerateRequest;
  readonly step: LiveStep;
  readonly model: string;
  /** Hex. */
  readonly digest: string;
};

/** Tries until the provider answers or no more tries are due. A refusal is an outcome too, unless the call was aborted. */
async function perform(
  deps: GatewayDeps,
  { request, step, model, digest }: Performing,
): Promise<ExecutionEvent["event"]> {
  const started = deps.clock.monotonic();
  const requestDigest = new Uint8Array(Buffer.from(digest, "hex"));
  let tries = 0;
  const finished = (fields: MessageInitShape<typeof ModelCallFinishedSchema>): ExecutionEvent["event"] => {
    const latencyMs = BigInt(Math.round(deps.clock.monotonic() - started));
    return {
      case: "modelCallFinished",
      value: create(ModelCallFinishedSchema, { ...fields, latencyMs, providerAttempts: tries, requestDigest }),
    };
  };
  for (;;) {
    tries += 1;
    try {
      const { provider, model: name } = deps.resolve(model);
      const asked = { model: name, messages: request.messages, tools: request.tools };
      return finished(await provider.generate(asked, { signal: step.signal, onText: (text) => step.append(text) }));
    } catch (error) {
      step.signal.throwIfAborted();
      if (!isFault(error))
        deps.log.error({ err: error, execution: step.executionId, model }, "provider's driver failed");
      const fault = isFault(error) ? error : undefined;
      const delay = fault?.kind === "unavailable" ? deps.retryDelayMs(tries + 1, fault.retryAfterMs) : undefined;
      if (delay === undefined) return finished({ error: errorOf(error) });
      step.restart();
      await pause(delay, step.signal);
    }
  }
}

function errorOf(error: unknown): NonNullable<ModelCallFinished["error"]> {
  const { reason, message } =
    error instanceof Fault ? error : { reason: "INTERNAL", message: "the provider's driver failed" };
  return { $typeName: "ai.stigmer.agentic.execution.v1.ExecutionError", reason, message };
}

/** Sends the text of a running call as it grows, from its beginning. */
async function* relay(step: LiveStep, signal: AbortSignal): AsyncIterable<GenerateResponse> {
  let seen = { stream: step.stream(), offset: 0 };
  let isDone = false;
  const done = (): void => {
    isDone = true;
  };
  const over = step.outcome.then(done, done);
  while (!isDone && !signal.aborted) {
    const changed = step.changed(signal);
    if (step.stream() !== seen.stream) {
      seen = { stream: step.stream(), offset: 0 };
      yield create(GenerateResponseSchema, { message: { case: "restarted", value: true } });
    }
    const { text, end } = step.piece(seen.offset);
    seen = { ...seen, offset: end };
    if (text) yield create(GenerateResponseSchema, { message: { case: "delta", value: text } });
    else await Promise.race([changed, over]);
  }
  signal.throwIfAborted();
}

async function resultOf(claim: Claim): Promise<ModelCallFinished> {
  if (claim.kind === "done" && claim.outcome.kind === "model") return claim.outcome.finished;
  const event = claim.kind === "live" ? await claim.step.outcome : undefined;
  if (event?.case === "modelCallFinished") return event.value;
  throw new Error("a model call did not end as one");
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
