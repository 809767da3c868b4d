import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { isObject, type Json } from "./json.ts";
import { type RecordedRequest, recordRequest } from "./recorded-request.ts";
import { type Raw, type Script, type Turn, turnOf } from "./script.ts";
import { type Mode, sendJson, sendRaw, sendStream, sendWhole } from "./send.ts";
import type { Answer, Call, Refusal, Vendor } from "./vendor.ts";

export type Handler = (body: Json, request: RecordedRequest) => Turn | Raw;

export type StandinOptions = {
  /** What it says; or, where it depends on more than the turn, a function. */
  readonly script?: Script;
  readonly handler?: Handler;
  readonly mode?: Mode;
  /** Refuses with this status and the vendor's own words, as well. */
  readonly refuse?: Refusal;
  /** How many requests mode and refusal hold for; later ones are answered well. All, unless told. */
  readonly times?: number;
  /** Key that requests must carry; any or none, unless told. */
  readonly apiKey?: string;
  /** Models that it knows; any, unless told. */
  readonly models?: readonly string[];
  /** Port on 127.0.0.1; a free one unless told. */
  readonly port?: number;
};

/** A server that speaks a vendor's API. Disposing ends it and every open connection. */
export interface Standin extends AsyncDisposable {
  /** Base URL, as a user would write it: `http://127.0.0.1:<port>/v1`. */
  readonly url: string;
  /** Requests for answers so far. `GET /requests` answers with them too, for who started it as a process. */
  readonly requests: readonly RecordedRequest[];
}

export async function startStandin(vendor: Vendor, options: StandinOptions): Promise<Standin> {
  const requests: RecordedRequest[] = [];
  const server = createServer((incoming, response) => {
    // A reader that goes away is not an error of the stand-in.
    response.on("error", () => {});
    const state = { vendor, options, requests };
    void answer(incoming, response, state).catch((error: unknown) => response.destroy(error as Error));
  });
  server.listen(options.port ?? 0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}${vendor.base}`,
    requests,
    async [Symbol.asyncDispose]() {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

type State = { readonly vendor: Vendor; readonly options: StandinOptions; readonly requests: RecordedRequest[] };

async function answer(incoming: IncomingMessage, response: ServerResponse, state: State): Promise<void> {
  const { vendor, options, requests } = state;
  const request = await recordRequest(incoming);
  const [path = "", query = ""] = request.path.split("?");
  const route = `${request.method} ${path}`;
  if (route === "GET /requests") return sendJson(response, requests);
  const headers = incoming.headers as Readonly<Record<string, string | undefined>>;
  const refuse = refusing(response, vendor);
  if (options.apiKey !== undefined && vendor.keyOf(headers) !== options.apiKey) return refuse({ status: 401 });
  const call = vendor.calls[route];
  if (!call) {
    const found = vendor.other({ route, query, body: request.body }, options.models ?? ["standin"]);
    return found ? sendJson(response, found) : refuse({ status: 404, message: `no such path: ${route}` });
  }
  requests.push(request);
  if (!isObject(request.body)) return refuse({ status: 400, message: "could not parse the JSON body of the request" });
  const complaint = call.complaintOf(request.body, headers);
  if (complaint) return refuse(complaint);
  await answerCall({ ...state, call, request, body: request.body }, response);
}

type Asked = State & { readonly call: Call; readonly request: RecordedRequest; readonly body: Json };

async function answerCall(asked: Asked, response: ServerResponse): Promise<void> {
  const { vendor, options, requests, call, request, body } = asked;
  const refuse = refusing(response, vendor);
  if (options.models && !options.models.includes(String(body.model))) {
    return refuse(vendor.unknownModel(String(body.model)));
  }
  const inForce = requests.length <= (options.times ?? Number.POSITIVE_INFINITY);
  const mode = inForce ? (options.mode ?? "answer") : "answer";
  const index = call.turnIndex(body);
  const turn = options.handler?.(body, request) ?? turnOf(options.script ?? { turns: [] }, index);
  if ("body" in turn) return await sendRaw(response, turn, call.streamType);
  const refusal = (inForce && options.refuse) || refusalOf(mode, vendor) || scripted(turn);
  if (refusal) return refuse(refusal);
  const mix = mode === "shuffled" ? shuffled : inOrder;
  const answer: Answer = { number: requests.length, body, turn: index, mix };
  const said = mode === "unknown-finish" ? { ...turn, finish: "tired" } : turn;
  if (mode === "json" || mode === "half-json" || !call.isStreamed(body)) {
    return await sendWhole(response, call.whole(said, answer), mode);
  }
  await sendStream(response, { call, frames: call.frames(said, answer), mode, delayMs: turn.delayMs ?? 0 });
}

function refusing(response: ServerResponse, vendor: Vendor): (refusal: Refusal) => void {
  return (refusal) => {
    for (const [name, value] of Object.entries(refusal.headers ?? {})) response.setHeader(name, value);
    sendJson(response, vendor.refusal(refusal), refusal.status);
  };
}

function refusalOf(mode: Mode, vendor: Vendor): Refusal | undefined {
  switch (mode) {
    case "unauthorized":
      return { status: 401 };
    case "rate-limited":
      return { status: 429, headers: { "retry-after": "1" } };
    case "failing":
      return { status: 500 };
    case "overflow":
      return vendor.overflow;
    case "used-up":
      return vendor.usedUp;
    default:
      return undefined;
  }
}

function scripted({ error }: Turn): Refusal | undefined {
  if (!error) return undefined;
  const { status = 500, message = "the script says so", retryAfterMs } = error;
  const after = retryAfterMs === undefined ? {} : { "retry-after": String(Math.ceil(retryAfterMs / 1000)) };
  return { status, message, headers: after };
}

function inOrder(calls: readonly (readonly object[])[]): readonly object[] {
  return calls.flat();
}

// The last call begins, and then all of them take turns.
function shuffled(calls: readonly (readonly object[])[]): readonly object[] {
  const rounds = Math.max(0, ...calls.map(({ length }) => length));
  return Array.from({ length: rounds }, (_, round) => calls.toReversed().flatMap((call) => call[round] ?? [])).flat();
}
