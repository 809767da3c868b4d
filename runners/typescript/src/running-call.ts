import type { AsyncLocalStorage } from "node:async_hooks";
import { type Client, type RequestId, SdkError, SdkErrorCode } from "@modelcontextprotocol/client";
import { Failure, type ToolCallContext, type ToolQuestion, type ToolReply } from "@stigmer/sdk";
import { createCallClock } from "./call-clock.ts";

/** A tool call on its way. */
export interface RunningCall {
  readonly context: ToolCallContext;
  /** Ends what the call waits for. */
  readonly signal: AbortSignal;
  /** Id under which it was last sent. */
  sentId?: RequestId;
  /** Asks the user; a server that asks too often ends its call. The time of the call stands still until there is an answer. */
  ask(question: ToolQuestion, giveUp?: AbortSignal): Promise<ToolReply>;
  /** Stops the time of the call until the function returned is called. */
  pause(): () => void;
}

/** The calls of one connection. */
export type Calls = {
  /** In which call code runs: what the server says on a call's own stream is read in it. */
  readonly current: AsyncLocalStorage<RunningCall>;
  /** The calls on their way, the newest last. */
  readonly running: Set<RunningCall>;
};

export type CallRules = Calls & {
  readonly client: Client;
  readonly timeoutMs: number;
  /** How long a tool that is asked to stop may take to answer. */
  readonly stopPatienceMs: number;
};

const MOST_QUESTIONS = 16;

/** Makes a call that has its time, may ask the user, and can be asked to stop: then the server is told, and has a while to answer. */
export async function runCall<T>(
  rules: CallRules,
  context: ToolCallContext,
  make: (call: RunningCall) => Promise<T>,
): Promise<T> {
  const { current, running, timeoutMs } = rules;
  const ending = createEnding();
  const clock = createCallClock(timeoutMs, () => ending.end(new SdkError(SdkErrorCode.RequestTimeout, "timed out")));
  const call = createRunningCall(context, { ending, pause: clock.pause });
  const stop = askToStop(rules, call, ending);
  context.signal.addEventListener("abort", stop.ask, { once: true });
  running.add(call);
  try {
    return await current.run(call, () => make(call));
  } catch (error) {
    throw ending.why() ?? error;
  } finally {
    running.delete(call);
    clock.stop();
    stop.dispose();
    context.signal.removeEventListener("abort", stop.ask);
    ending.end(new Error("the call is over"));
  }
}

/** Why a call ends before its server has answered. */
type Ending = { readonly signal: AbortSignal; end(why: Error): void; why(): Error | undefined };

function createEnding(): Ending {
  const controller = new AbortController();
  let why: Error | undefined;
  return {
    signal: controller.signal,
    end(reason) {
      why ??= reason;
      controller.abort(why);
    },
    why: () => why,
  };
}

function createRunningCall(
  context: ToolCallContext,
  { ending, pause }: { readonly ending: Ending; readonly pause: () => () => void },
): RunningCall {
  let asked = 0;
  return {
    context,
    signal: ending.signal,
    pause,
    async ask(question, giveUp) {
      if (++asked > MOST_QUESTIONS) {
        const why = new Failure(
          "LIMIT_REACHED",
          `the tool asked the user more than ${MOST_QUESTIONS} times in one call`,
        );
        ending.end(why);
        throw why;
      }
      const goOn = pause();
      try {
        return await context.elicit(question, giveUp ? AbortSignal.any([ending.signal, giveUp]) : ending.signal);
      } finally {
        goOn();
      }
    },
  };
}

function askToStop({ client, stopPatienceMs }: CallRules, call: RunningCall, ending: Ending) {
  let patience: NodeJS.Timeout | undefined;
  const giveUp = (): void => {
    const message = "the call was cancelled, and the tool did not say what became of it";
    ending.end(new Failure("CANCELLED", message, { notStarted: call.sentId === undefined }));
  };
  return {
    ask(): void {
      // In the newer protocol over HTTP a request is cancelled by closing its stream, on which the answer would come.
      const isByClosing = client.getProtocolEra() === "modern" && client.transport?.hasPerRequestStream === true;
      if (call.sentId === undefined || isByClosing) {
        giveUp();
        return;
      }
      patience = setTimeout(giveUp, stopPatienceMs);
      const params = { requestId: call.sentId, reason: "the call was cancelled" };
      // A server that can't be told has died, which ends the call.
      client.notification({ method: "notifications/cancelled", params }).catch(() => {});
    },
    dispose: () => clearTimeout(patience),
  };
}
