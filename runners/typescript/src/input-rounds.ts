import { isInputRequiredResult, ProtocolError, ProtocolErrorCode } from "@modelcontextprotocol/client";
import { Failure } from "@stigmer/sdk";
import { questionOf, resultOf } from "./elicitation.ts";
import type { RunningCall } from "./running-call.ts";

type Params = Readonly<Record<string, unknown>>;

// More than the questions that a call may ask: a server may also send a call back for reasons of its own.
const MOST_ROUNDS = 32;
const PAUSE_MS = 250;
const URL_ELICITATION_REQUIRED = -32042;

/**
 * Makes a request until the server has all that it wants of the user: in the newer protocol it answers with what it needs and is asked
 * again, in the older one it may refuse until a URL was opened.
 */
export async function withInput<T>(
  call: RunningCall,
  params: Params,
  send: (params: Params) => Promise<T>,
): Promise<T> {
  let next = params;
  for (let round = 0; round < MOST_ROUNDS; round++) {
    const answer = await send(next).catch((error: unknown) => openUrls(call, error));
    if (answer === RETRY) continue;
    if (!isInputRequiredResult(answer)) return answer as T;
    const { inputRequests = {}, requestState } = answer as Wanted;
    const asked = Object.entries(inputRequests);
    const inputResponses = await answersTo(call, asked);
    if (asked.length === 0) await pause(Math.min(PAUSE_MS * 2 ** round, 5_000), call.signal);
    next = {
      ...params,
      ...(asked.length > 0 && { inputResponses }),
      ...(requestState !== undefined && { requestState }),
    };
  }
  throw new Failure("LIMIT_REACHED", `the tool wanted more input ${MOST_ROUNDS} times in one call`);
}

type Wanted = { readonly inputRequests?: Readonly<Record<string, unknown>>; readonly requestState?: string };

/** One after the other: a person reads them so. */
async function answersTo(call: RunningCall, asked: readonly [string, unknown][]): Promise<Params> {
  const answers: Record<string, unknown> = {};
  for (const [key, request] of asked) {
    const { method, params } = request as { readonly method?: unknown; readonly params?: unknown };
    if (method !== "elicitation/create") throw notDone(method);
    const question = questionOf(params);
    answers[key] = resultOf(question, await call.ask(question));
  }
  return answers;
}

function notDone(method: unknown): ProtocolError {
  const message = `the server asks for ${JSON.stringify(method)}, which is not done for it here`;
  return new ProtocolError(ProtocolErrorCode.MethodNotFound, message);
}

const RETRY = Symbol("the request is made again");

/** What the user is to open before the request can be made; where all was opened it is made again. */
async function openUrls(call: RunningCall, error: unknown): Promise<typeof RETRY> {
  if (!(error instanceof ProtocolError) || error.code !== URL_ELICITATION_REQUIRED) throw error;
  const { elicitations } = (error.data ?? {}) as { readonly elicitations?: unknown };
  if (!Array.isArray(elicitations) || elicitations.length === 0) throw error;
  for (const params of elicitations) {
    const { action } = await call.ask(questionOf({ ...params, mode: "url" }));
    if (action !== "accept") throw new ProtocolError(error.code, `${error.message}; the user did not open the URL`);
  }
  return RETRY;
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", stop);
      resolve();
    }, ms);
    signal.addEventListener("abort", stop, { once: true });
  });
}
