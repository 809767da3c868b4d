import { lookup } from "node:dns/promises";
import { request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import { isIP } from "node:net";
import { checkEndpoint, hostOf, isPrivate, isPrivateName } from "./network-rules.ts";
import { failed } from "./oauth-faults.ts";

export type Resolve = (host: string) => Promise<readonly string[]>;
export type GuardedFetch = (url: string | URL, init?: RequestInit) => Promise<Response>;

export type GuardedFetchOptions = {
  /** The MCP server's URL. Its own host may have any address: a person named it. */
  readonly serverUrl: string;
  readonly signal: AbortSignal;
  readonly timeoutMs: number;
  readonly resolve?: Resolve | undefined;
};

const MAX_BYTES = 1024 * 1024;
/** An authorization server may be followed to so many places. */
const MAX_REQUESTS = 32;

/**
 * A `fetch` for what a stranger names. Refuses what is not `https`, or `http` to loopback; addresses of private networks, unless the
 * server's host is such an address or the very host; redirects; and bodies past 1 MiB. The address that was checked is the
 * one that is connected to.
 */
export function createGuardedFetch(options: GuardedFetchOptions): GuardedFetch {
  const { resolve = systemResolve } = options;
  let left = MAX_REQUESTS;
  return async (target, init = {}) => {
    const url = new URL(target);
    checkEndpoint(url);
    if (left-- === 0) throw failed("the metadata lead to too many places");
    const late = AbortSignal.timeout(options.timeoutMs);
    const signal = AbortSignal.any([options.signal, late]);
    const address = await abortable(allowedAddress(url, { ...options, resolve }), signal);
    const response = await send(url, { init, address, signal });
    if (response.status >= 300 && response.status < 400) throw failed(`${url.host} sends requests elsewhere`);
    return response;
  };
}

type Checking = GuardedFetchOptions & { readonly resolve: Resolve };

async function allowedAddress(url: URL, { serverUrl, resolve }: Checking): Promise<string> {
  const [host, server] = [hostOf(url), hostOf(new URL(serverUrl))];
  const addresses = isIP(host) ? [host] : await resolve(host);
  const mayBePrivate = host === server || isPrivateName(server);
  if (!mayBePrivate && addresses.some(isPrivate)) throw failed(`${url.host} is on a private network`);
  const [first] = addresses;
  if (first === undefined) throw new Error(`${url.host} has no address`);
  return first;
}

async function systemResolve(host: string): Promise<readonly string[]> {
  return (await lookup(host, { all: true, verbatim: false })).map(({ address }) => address);
}

type Sending = { readonly init: RequestInit; readonly address: string; readonly signal: AbortSignal };

function send(url: URL, { init, address, signal }: Sending): Promise<Response> {
  const { promise, resolve, reject } = Promise.withResolvers<Response>();
  const body = init.body == null ? undefined : String(init.body);
  const headers = Object.fromEntries(new Headers(init.headers));
  const family = isIP(address);
  const start = url.protocol === "https:" ? requestHttps : requestHttp;
  const sent = start(url, {
    ...{ method: init.method ?? "GET", signal, agent: false },
    headers: { ...headers, ...(body !== undefined && { "content-length": String(Buffer.byteLength(body)) }) },
    lookup: (_host, options, done) => (options.all ? done(null, [{ address, family }]) : done(null, address, family)),
  });
  sent.on("error", reject);
  sent.on("response", (answer) => {
    const chunks: Buffer[] = [];
    let size = 0;
    answer.on("error", reject);
    answer.on("data", (chunk: Buffer) => {
      size += chunk.length;
      if (size > MAX_BYTES) return void sent.destroy(failed(`${url.host} answers with more than ${MAX_BYTES} bytes`));
      chunks.push(chunk);
    });
    answer.on("end", () => {
      try {
        resolve(responseOf(answer.statusCode ?? 0, answer.headersDistinct, Buffer.concat(chunks)));
      } catch (error) {
        reject(error); // a status that no server may answer with
      }
    });
  });
  sent.end(body);
  return promise;
}

const WITHOUT_BODY = new Set([204, 205, 304]);

function responseOf(status: number, said: NodeJS.Dict<string[]>, body: Buffer): Response {
  const headers = new Headers();
  for (const [name, values = []] of Object.entries(said)) for (const value of values) headers.append(name, value);
  return new Response(WITHOUT_BODY.has(status) ? null : new Uint8Array(body), { status, headers });
}

function abortable<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const give = (): void => reject(signal.reason);
  if (signal.aborted) give();
  signal.addEventListener("abort", give, { once: true });
  return Promise.race([promise, aborted]).finally(() => signal.removeEventListener("abort", give));
}
