import type { JsonObject } from "@bufbuild/protobuf";
import { type Fault, isFault } from "@stigmer/base";
import type { HttpAnswer, HttpLine } from "./http-line.ts";
import { pause } from "./pause.ts";

/** A unary call in the contract's JSON, by the name of its method. */
export type JsonCall = {
  /** `/<service>/<method>`. */
  readonly path: string;
  /** The request in the contract's JSON. */
  readonly request: JsonObject;
  /** Whether the call changes something; it then carries an idempotency key, the same on every try. */
  readonly write?: boolean | undefined;
  readonly headers?: Readonly<Record<string, string>>;
};

export type JsonOptions = {
  readonly signal?: AbortSignal | undefined;
  /** How long to wait for the answer; without it as long as the backend takes. */
  readonly timeoutMs?: number | undefined;
};

/** Makes unary calls in JSON, without descriptors: what the backend says is taken as it is. Throws as a typed client does. */
export interface JsonCaller {
  json(call: JsonCall, options?: JsonOptions): Promise<JsonObject>;
}

export type Retry = { readonly attempts: number; readonly firstDelayMs: number };

export function jsonCaller(line: HttpLine, retry: Retry): JsonCaller {
  return {
    async json(call, options = {}) {
      const headers = headersOf(call, options.timeoutMs);
      for (let attempt = 1; ; attempt++) {
        try {
          return await once(line, { ...call, headers }, options);
        } catch (error) {
          if (attempt >= retry.attempts || options.signal?.aborted || !isAway(error)) throw error;
          await pause(retry.firstDelayMs * 2 ** (attempt - 1), options.signal);
        }
      }
    },
  };
}

function headersOf(call: JsonCall, timeoutMs: number | undefined): Record<string, string> {
  return {
    "content-type": "application/json",
    "connect-protocol-version": "1",
    ...(timeoutMs !== undefined && { "connect-timeout-ms": String(timeoutMs) }),
    ...(call.write && { "idempotency-key": crypto.randomUUID() }),
    ...call.headers,
  };
}

async function once(line: HttpLine, call: JsonCall, options: JsonOptions): Promise<JsonObject> {
  using limits = limitsOf(options);
  const { signal } = limits;
  const { path, request, headers = {} } = call;
  let answer: HttpAnswer;
  try {
    answer = await line.send({ path, headers, body: JSON.stringify(request), signal });
  } catch (error) {
    // Errors are rare, and what reads them is large.
    if (isFault(error)) throw error;
    throw (await import("./json-errors.ts")).localError(error, { cancelled: options.signal, late: limits.isLate() });
  }
  if (answer.status !== 200) throw (await import("./json-errors.ts")).sentError(answer);
  return JSON.parse(Buffer.from(answer.body).toString()) as JsonObject;
}

type Limits = Disposable & { readonly signal: AbortSignal | undefined; isLate(): boolean };

/** One signal for both ends of patience. `AbortSignal.any` would do the same, and takes as long to load as all else here. */
function limitsOf({ signal, timeoutMs }: JsonOptions): Limits {
  if (timeoutMs === undefined) return { signal, isLate: () => false, [Symbol.dispose]: () => undefined };
  const both = new AbortController();
  const end = (): void => both.abort();
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    end();
  }, timeoutMs);
  signal?.addEventListener("abort", end);
  if (signal?.aborted) end();
  return {
    signal: both.signal,
    isLate: () => late,
    [Symbol.dispose]() {
      clearTimeout(timer);
      signal?.removeEventListener("abort", end);
    },
  };
}

function isAway(error: unknown): error is Fault {
  return isFault(error) && error.kind === "unavailable";
}
