import { createHash } from "node:crypto";
import { create, toBinary } from "@bufbuild/protobuf";
import {
  ContextCompactedSchema,
  type ExecutionEvent,
  type ExecutionLimits,
  MessageSchema,
  type ModelCallFinished,
  ModelCallStartedSchema,
} from "@stigmer/contracts/agentic";
import {
  type GenerateRequest,
  GenerateRequestSchema,
  type GenerateResponse,
  GenerateResponseSchema,
  ModelController,
  ToolSpecSchema,
} from "@stigmer/contracts/gateway";
import {
  type Claim,
  type ExecutionState,
  type Executions,
  type LiveStep,
  levelsOf,
  type Steps,
} from "@stigmer/execution";
import { type Call, type Handler, serverStream } from "@stigmer/resource";
import { type CallDeps, callModel } from "./call-model.ts";
import { type Before, mostInputTokens, type Sized } from "./estimate.ts";

export type GatewayDeps = CallDeps & {
  readonly steps: Steps;
  readonly executions: Executions;
  /** The content of an attachment of an organization, by its digest `sha256:<hex>`. */
  readonly readBlob: (org: string, digest: string) => Promise<Uint8Array>;
};

export function gatewayHandlers(deps: GatewayDeps): readonly Handler[] {
  return [serverStream(ModelController.method.generate, (request, call) => generate(deps, request, call))];
}

async function* generate(deps: GatewayDeps, asked: GenerateRequest, call: Call): AsyncIterable<GenerateResponse> {
  const request = await maskedRequest(deps, asked, call);
  const prepared = prepare(request);
  const at = {
    org: call.org,
    id: request.executionId,
    epoch: Number(request.epoch),
    stepKey: request.stepKey,
    digest: prepared.digest,
  };
  let before: Before = { hashes: [], finished: undefined };
  const claim = await deps.steps.claim(at, {
    judge: (state) => {
      before = { ...state.conversation };
      return { kind: "perform", intent: intentOf(prepared, state), batch: { blobs: prepared.encoded } };
    },
    perform: (step, state) => perform(deps, { org: call.org, prepared, before, step, state }),
    beside: (outcome) => besideOf(request, outcome),
  });
  if (claim.kind === "live") yield* relay(claim.step, call.signal);
  yield create(GenerateResponseSchema, { message: { case: "result", value: await resultOf(claim) } });
}

/** Secrets of the execution are neither recorded nor told to a provider. */
async function maskedRequest(
  { executions }: GatewayDeps,
  asked: GenerateRequest,
  { org }: Call,
): Promise<GenerateRequest> {
  const ref = { org, id: asked.executionId };
  await executions.redaction.ready(ref, (await executions.load(ref)).created);
  return executions.redaction.message(GenerateRequestSchema, asked);
}

type Prepared = Sized & { readonly request: GenerateRequest; readonly digest: string };

/** Each message is stored once, under its hash; the request is the list of hashes, the tools, and what else is asked. */
function prepare(request: GenerateRequest): Prepared {
  const { messages, tools, outputSchema, compaction } = request;
  const encoded = messages.map((message) => {
    const bytes = toBinary(MessageSchema, message);
    return { hash: new Uint8Array(createHash("sha256").update(bytes).digest()), bytes };
  });
  const digest = createHash("sha256");
  for (const { hash } of encoded) digest.update(hash);
  for (const tool of tools) digest.update(toBinary(ToolSpecSchema, tool));
  if (outputSchema) digest.update(`output_schema\0${outputSchema}`);
  if (compaction) digest.update("compaction\0").update(toBinary(ContextCompactedSchema, compaction));
  return { request, messages, tools, outputSchema, encoded, digest: digest.digest("hex") };
}

function intentOf({ digest, encoded, request }: Prepared, state: ExecutionState): ExecutionEvent["event"] {
  const requestDigest = new Uint8Array(Buffer.from(digest, "hex"));
  const value = create(ModelCallStartedSchema, {
    requestDigest,
    model: state.created?.model ?? "",
    messageHashes: encoded.map(({ hash }) => hash),
    ...(request.compaction && { compaction: request.compaction }),
  });
  return { case: "modelCallStarted", value };
}

type Performing = {
  readonly org: string;
  readonly prepared: Prepared;
  readonly before: Before;
  readonly step: LiveStep;
  readonly state: ExecutionState;
};

async function perform(deps: GatewayDeps, of: Performing): Promise<ExecutionEvent["event"]> {
  const { org, prepared, before, step, state } = of;
  const { model = "", spec, limits } = state.created ?? {};
  const value = await callModel(deps, {
    request: prepared.request,
    candidates: [...new Set([model, ...(spec?.fallbackModels ?? [])])],
    options: spec?.modelOptions,
    mostInputTokens: (asked) => mostInputTokens(prepared, before, asked),
    levels: isBounded(limits) ? () => levelsOf(deps.executions, { org, id: step.executionId }) : undefined,
    readBlob: (digest) => deps.readBlob(org, digest),
    step,
  });
  value.requestDigest = new Uint8Array(Buffer.from(prepared.digest, "hex"));
  return { case: "modelCallFinished", value };
}

/** Bounds of those that an execution works for are bounds of its own as well. */
function isBounded(limits: ExecutionLimits | undefined): boolean {
  return limits !== undefined && (limits.maxTokens > 0n || limits.maxCostMicros > 0n);
}

/** A summary takes the place of what it sums up by the commit that records it. */
function besideOf({ compaction }: GenerateRequest, outcome: ExecutionEvent["event"]): ExecutionEvent["event"][] {
  if (!compaction || outcome.case !== "modelCallFinished" || outcome.value.error) return [];
  return [{ case: "contextCompacted", value: compaction }];
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
