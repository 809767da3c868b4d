import { create, type Message } from "@bufbuild/protobuf";
import { type Clock, exhausted, invalid } from "@stigmer/base";
import {
  ExecutionQueryController,
  type SubscribeRequest,
  VerifyExecutionResponseSchema,
} from "@stigmer/contracts/agentic";
import { type Call, type Handler, serverStream, unary } from "@stigmer/resource";
import type { Store } from "@stigmer/store";
import type { ExecutionRef } from "./execution-ref.ts";
import type { Executions } from "./executions.ts";
import type { Hub } from "./hub.ts";
import type { LiveSteps } from "./live-steps.ts";
import type { ProgressFeed } from "./progress.ts";
import { createReaderPace } from "./reader-pace.ts";
import { createSubscriptionReader, type Responses } from "./subscription-reader.ts";
import { createTails, type Tail, type Tails } from "./tail.ts";
import { verifyChain } from "./verify-chain.ts";

export type SubscribeDeps = {
  readonly store: Store;
  readonly executions: Pick<Executions, "load">;
  readonly live: LiveSteps;
  readonly hub: Hub;
  readonly progress: Pick<ProgressFeed, "on">;
  readonly clock: Clock;
  readonly maxSubscribers: number;
};

/** What a journal can have at most. */
const MAX_SEQUENCE = BigInt(Number.MAX_SAFE_INTEGER);

export function executionQueryHandlers(deps: SubscribeDeps): readonly Handler[] {
  const tails = createTails(deps);
  const subscribers = new Map<string, number>();
  const batches = (request: SubscribeRequest, call: Call): AsyncIterable<Responses> =>
    subscribe({ ...deps, tails, subscribers }, request, call);
  return [
    {
      ...serverStream(ExecutionQueryController.method.subscribe, async function* (request, call) {
        for await (const responses of batches(request, call)) yield* responses;
      }),
      batches: batches as (request: Message, call: Call) => AsyncIterable<Responses>,
    } as Handler,
    unary(ExecutionQueryController.method.verify, async ({ executionId }, { org }) =>
      create(VerifyExecutionResponseSchema, await verifyChain(deps.store, { org, id: executionId })),
    ),
  ];
}

type Shared = SubscribeDeps & { readonly tails: Tails; readonly subscribers: Map<string, number> };

async function* subscribe(shared: Shared, request: SubscribeRequest, call: Call): AsyncIterable<Responses> {
  if (request.fromSequence > MAX_SEQUENCE)
    throw invalid([{ field: "fromSequence", description: `must be at most ${MAX_SEQUENCE}` }]);
  const ref = { org: call.org, id: request.executionId };
  using _ = admit(shared, ref);
  using tail = await shared.tails.open(ref);
  yield* follow(shared, { ref, request, tail, signal: call.signal });
}

function admit({ subscribers, maxSubscribers }: Shared, { org, id }: ExecutionRef): Disposable {
  const key = `${org}/${id}`;
  const count = subscribers.get(key) ?? 0;
  if (count >= maxSubscribers) throw exhausted("LIMIT_REACHED", { limit: "subscribers", execution: id });
  subscribers.set(key, count + 1);
  return {
    [Symbol.dispose]() {
      const left = (subscribers.get(key) ?? 1) - 1;
      if (left > 0) subscribers.set(key, left);
      else subscribers.delete(key);
    },
  };
}

type Following = {
  readonly ref: ExecutionRef;
  readonly request: SubscribeRequest;
  readonly tail: Tail;
  readonly signal: AbortSignal;
};

/**
 * Replays, then follows: behind the tail a reader reads the store, and at it, it takes what all take. So nothing is lost
 * however slow it is, and nothing is kept for it alone; one that does not keep up is told how to go on.
 */
async function* follow(deps: SubscribeDeps, following: Following): AsyncIterable<Responses> {
  const { request, tail, signal } = following;
  const last = request.stopAtEnd ? tail.sequence() : Number.POSITIVE_INFINITY;
  const pace = createReaderPace(deps.clock, tail.written);
  using follower = tail.follow();
  const reader = createSubscriptionReader({ ...following, store: deps.store, follower });
  signal.addEventListener("abort", follower.wake);
  while (reader.sequence() < last) {
    signal.throwIfAborted(); // a stream that is cut short must not look like one that has ended
    tail.throwIfFailed();
    if (tail.isFinal() && reader.sequence() >= tail.sequence()) return;
    const place = reader.place();
    const ready = reader.ready();
    if (!ready && !reader.isBehind()) {
      follower.begin();
      pace.reached(tail.written());
      await follower.changed(); // nothing may be awaited since it was seen that there is nothing
      pace.rested();
      continue;
    }
    if (pace.isTooSlow()) throw exhausted("READER_TOO_SLOW", place);
    if (ready?.until === undefined) pace.replays();
    else pace.reached(ready.until);
    const responses = ready?.responses ?? (await reader.replay());
    if (responses.length > 0) yield responses;
  }
}
