import { Trouble } from "./trouble.ts";

export type Ask = {
  readonly fetch: typeof fetch;
  readonly url: string;
  /** The URL as messages may show it. */
  readonly address: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Posted; without it, the URL is only read. */
  readonly body?: string;
  readonly signal: AbortSignal;
  /** Longest silence until the first byte of the answer's body. */
  readonly firstByteTimeoutMs: number;
  /** Longest silence after that. */
  readonly idleTimeoutMs: number;
  /** Longest time from the request to the end of the answer. */
  readonly totalTimeoutMs: number;
};

/** An answer that is under way. Disposing ends it, and the connection where it is not at its end. */
export interface Exchange extends AsyncDisposable {
  readonly status: number;
  readonly headers: Headers;
  /** The body, once. Where it breaks off after `enough` has become true, it ends without an error. */
  bytes(enough?: () => boolean): AsyncIterable<Uint8Array>;
}

/**
 * Asks and waits for the answer's head. What goes wrong on the way is `Trouble`; the caller's abort passes through
 * unchanged. A redirect is refused, so that headers reach no other address.
 */
export async function exchange(ask: Ask): Promise<Exchange> {
  const watch = watchSilence(ask.signal, ask.totalTimeoutMs);
  watch.allow(ask.firstByteTimeoutMs);
  const { url, headers, body } = ask;
  const method = body === undefined ? { method: "GET" } : { method: "POST", body };
  try {
    const response = await ask.fetch(url, { ...method, headers, redirect: "error", signal: watch.signal });
    return {
      status: response.status,
      headers: response.headers,
      bytes: (enough = () => false) => bytesOf({ response, ask, watch, enough }),
      async [Symbol.asyncDispose]() {
        watch.end();
      },
    };
  } catch (cause) {
    watch.end();
    ask.signal.throwIfAborted();
    throw watch.silence() ?? new Trouble(unreachable(cause, ask.address), { cause });
  }
}

type Reading = { response: Response; ask: Ask; watch: SilenceWatch; enough: () => boolean };

async function* bytesOf(reading: Reading): AsyncIterable<Uint8Array> {
  const { response, ask, watch } = reading;
  const reader = response.body?.getReader();
  while (reader) {
    const piece = await nextPiece(reader, reading);
    if (!piece) return;
    yield piece;
    watch.allow(ask.idleTimeoutMs);
  }
}

async function nextPiece(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  { ask, watch, enough }: Reading,
): Promise<Uint8Array | undefined> {
  try {
    const { value } = await reader.read();
    return value;
  } catch (cause) {
    ask.signal.throwIfAborted();
    if (enough()) return undefined;
    throw watch.silence() ?? new Trouble("it broke off in the middle of its answer", { cause });
  }
}

type SilenceWatch = {
  readonly signal: AbortSignal;
  /** From now on, that much silence ends the exchange. */
  allow(ms: number): void;
  end(): void;
  silence(): Trouble | undefined;
};

function watchSilence(outer: AbortSignal, totalMs: number): SilenceWatch {
  const own = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  let silence: Trouble | undefined;
  const give = (problem: string): void => {
    silence = new Trouble(problem);
    own.abort(silence);
  };
  const total = setTimeout(() => give(`it took longer than ${totalMs} ms`), totalMs);
  return {
    signal: AbortSignal.any([outer, own.signal]),
    allow(ms) {
      clearTimeout(timer);
      timer = setTimeout(() => give(`it sent nothing for ${ms} ms`), ms);
    },
    end() {
      clearTimeout(timer);
      clearTimeout(total);
      own.abort();
    },
    silence: () => silence,
  };
}

const NOBODY_THERE = new Set([
  "ECONNREFUSED",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ETIMEDOUT",
  "UND_ERR_CONNECT_TIMEOUT",
]);

function unreachable(error: unknown, address: string): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : "";
  if (NOBODY_THERE.has(code)) return `nothing answers at ${address} (${code})`;
  return `the connection to ${address} failed (${code || (cause instanceof Error ? cause.message : "no reason given")})`;
}
