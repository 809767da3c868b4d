import type { Message } from "@bufbuild/protobuf";
import { dropRest, type FastCall, fail, outboxOf } from "./fast-call.ts";
import { late } from "./protocol-faults.ts";

/** What a timer of Node can wait at most. */
const MAX_DELAY_MS = 2 ** 31 - 1;

/** Sends what comes, as quickly as the client takes it. What it had before an error, or the deadline, is sent too. */
export async function answerMany(call: FastCall, batches: AsyncIterable<readonly Message[]>): Promise<void> {
  limitTime(call);
  for await (const batch of batches) {
    if (isOver(call)) return;
    outboxOf(call).add(call.frames.of(call.method.method.output, batch));
    await call.outbox?.room();
  }
  if (isOver(call)) return;
  call.hasAnswer = true;
  clearTimeout(call.timer);
  outboxOf(call).end({ "grpc-status": "0" });
  dropRest(call);
}

function isOver({ hasAnswer, stream }: FastCall): boolean {
  return hasAnswer || stream.closed || stream.destroyed;
}

/** A stream whose client gave it no time has no end here. */
function limitTime(call: FastCall): void {
  const { timeoutMs, started, controller } = call;
  if (timeoutMs === undefined) return;
  const end = (): void => {
    const fault = late(undefined);
    controller.abort(fault);
    fail(call, fault);
  };
  const left = timeoutMs - (performance.now() - started);
  call.timer = setTimeout(end, Math.max(0, Math.min(left, MAX_DELAY_MS)));
}
